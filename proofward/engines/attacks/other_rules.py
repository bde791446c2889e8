"""What a demonstration's consortium agrees on for attacks on private rounds and on proved evaluations."""

from __future__ import annotations

from dataclasses import replace

from proofward.engines.run_folder import Plan
from proofward.federation.messages.usual import usual_updates
from proofward.layers.layout import padded
from proofward.layers.model import Training
from proofward.layers.privacy import Privacy
from proofward.relations.counting import Counting
from proofward.relations.score_counting import counting_of
from proofward.relations.score_layout import ScoreLayout

SHARE = 200_000
"""Of each hospital's rows that nobody trains on, in millionths."""
BINS, LEAST_COUNT = 16, 3
CLIP_BITS, COARSE_VARIANCE, INVERSE_DELTA = 0, 5776, 10**5
RATE_TIMES_BATCH = 512


def as_demonstrated(plan: Plan, rows: int) -> Plan:
    """The plan as it is."""
    del rows
    return plan


def private(plan: Plan, rows: int) -> Plan:
    """One step on all records a round, each record's gradient clipped, and noise.

    rows: the most that a hospital has.
    """
    privacy = Privacy(CLIP_BITS, COARSE_VARIANCE, plan.rounds, 1, plan.config.threshold, INVERSE_DELTA)
    batch = padded(rows)
    training = Training(rate=max(1, RATE_TIMES_BATCH // batch), batch=batch, steps=1, full_batch=True)
    config = replace(
        plan.config,
        training=training,
        clip_bound=privacy.clip_bound,
        privacy=privacy,
        least_rows=0,
        most_rows=0,
    )
    return replace(plan, config=config)


def private_and_small(plan: Plan, rows: int) -> Plan:
    """`private` with the smallest sums that there can be."""
    threshold = 1
    config = replace(plan.config, threshold=threshold)
    least = usual_updates(len(plan.hospitals), threshold)
    return private(replace(plan, config=config, minimum_updates=least), rows)


def evaluated(plan: Plan, rows: int) -> Plan:
    """A validation part, and a last round that counts the scores on it with a proof."""
    training = replace(plan.config.training, validation_share=SHARE)
    config = replace(plan.config, training=training, least_rows=0, most_rows=padded(rows))
    layout = ScoreLayout(config.model.head.classes, BINS, LEAST_COUNT)
    last = plan.rounds + 1
    counting: Counting = counting_of(layout, (last,), proved=True)
    return replace(plan, config=config, rounds=last, counting=(counting,))
