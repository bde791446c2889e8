"""What a demonstration's consortium agrees on for attacks that need other rules than the usual ones."""

from __future__ import annotations

from dataclasses import replace

from proofward.engines.run_folder import Plan
from proofward.federation.committees.choice import least_threshold
from proofward.federation.messages.consortium.committees import chosen
from proofward.federation.messages.consortium.scaling import EPHEMERAL, FINGERPRINTS, HEADS, Scaling
from proofward.federation.messages.consortium.usual import usual_updates
from proofward.layers.basics.layout import padded
from proofward.layers.rules.model import Training
from proofward.layers.rules.privacy import Privacy
from proofward.layers.rules.subgroup import Subgroup
from proofward.privacy.counts import least_noise_of_counts
from proofward.relations.rules.counting import Counting
from proofward.relations.scores.score_counting import counting_of
from proofward.relations.scores.score_layout import ScoreLayout

SHARE = 200_000
"""Of each hospital's rows that nobody trains on, in millionths."""
BINS, LEAST_COUNT = 16, 3
CLIP_BITS, COARSE_VARIANCE, INVERSE_DELTA = 0, 5776, 10**5
RATE_TIMES_BATCH = 512
ABOVE_AVERAGE = Subgroup("first feature", ("above its average",), 0)
CORRUPT = 20
"""Per cent of the members, one at least."""


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


def drawn(plan: Plan, rows: int) -> Plan:
    """Committees; that of the holders has all hospitals, so that the attacker is in it for certain."""
    del rows
    return _with_holders(plan, len(plan.hospitals))


def followed(plan: Plan, rows: int) -> Plan:
    """Committees as small as they may be, and heads for the hospitals outside."""
    del rows
    least, _ = chosen(len(plan.hospitals), len(plan.verifiers), CORRUPT, absent=0)
    return replace(_with_holders(plan, least.holders), scaling=Scaling(follow=HEADS))


def _with_holders(plan: Plan, holders: int) -> Plan:
    """With a committee of so many."""
    hospitals, verifiers = len(plan.hospitals), len(plan.verifiers)
    least, _ = chosen(hospitals, verifiers, CORRUPT, absent=0)
    committees = replace(least, holders=holders)
    colluding = committees.corrupt_hospitals(hospitals)
    threshold = least_threshold(committees.hospitals(hospitals), holders)
    return replace(
        plan,
        config=replace(plan.config, holders=holders, threshold=threshold),
        committees=committees,
        minimum_updates=usual_updates(hospitals, colluding),
        abandonments=hospitals - colluding,
    )


def evaluated(plan: Plan, rows: int) -> Plan:
    """A validation part, and a last round that counts the scores on it with a proof."""
    training = replace(plan.config.training, validation_share=SHARE)
    config = replace(plan.config, training=training, least_rows=0, most_rows=padded(rows))
    layout = ScoreLayout(config.model.head.classes, BINS, LEAST_COUNT, (ABOVE_AVERAGE,))
    last = plan.rounds + 1
    counting: Counting = counting_of(layout, (last,), proved=True)
    return replace(plan, config=config, rounds=last, counting=(counting,))


def noisy(plan: Plan, rows: int) -> Plan:
    """`private` with a validation part, and a last round that counts the scores on it with a proof and noise.

    A sum of the counts costs as much of the privacy budget as a round of training does.
    """
    last = plan.rounds + 1
    made = private(replace(plan, rounds=last), rows)
    training = replace(made.config.training, validation_share=SHARE)
    config = replace(made.config, training=training, least_rows=0, most_rows=0)
    exact = counting_of(ScoreLayout(config.model.head.classes, BINS, 1), (last,), proved=True)
    assert config.privacy is not None
    noise = least_noise_of_counts(config.privacy, config.model.parameters, exact, spends=1)
    return replace(made, config=config, counting=(replace(exact, noise=noise, spends=1),))


def fingerprinted(plan: Plan, rows: int) -> Plan:
    """Sums are checked by the fingerprints that verifiers sign."""
    del rows
    return replace(plan, scaling=Scaling(FINGERPRINTS))


def ephemeral(plan: Plan, rows: int) -> Plan:
    """The host deletes sealed shares when their round is closed."""
    del rows
    return replace(plan, scaling=Scaling(shares=EPHEMERAL))
