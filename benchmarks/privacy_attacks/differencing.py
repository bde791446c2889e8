"""What sums say of one hospital: its update by the difference of two rounds, and its share of label 1.

G4 compares the sums of two rounds, in the second of which one hospital is missing. P1 regresses the share of
label 1 on the sum of the first round, from federations of the attacker's own records.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from privacy_attacks.federation import Real, follow, usual_rules
from privacy_attacks.mechanism import Mechanism
from proofward.data.reading.records import Records
from proofward.models.settings import Preset

Line = dict[str, object]


def _cosine(first: Real, second: Real) -> float:
    return float(first @ second / (np.linalg.norm(first) * np.linalg.norm(second) + 1e-30))


def differencing(
    setup: Preset, hospitals: list[Records], rounds: int, seed: int, private: Mechanism | None = None
) -> Line:
    """G4: the hospital that is left out in the last round is the last one."""
    victim, others = len(hospitals) - 1, list(range(len(hospitals) - 1))
    seen = follow(setup, hospitals, rounds, seed, absent={rounds - 1: victim}, private=private)
    target = seen.updates[rounds - 2][victim]
    assert target is not None
    if private is not None:
        target = private.update(setup, seen.models[rounds - 2], hospitals[victim]) * -private.unit
    guess = seen.sum(rounds - 2) - seen.sum(rounds - 1, others)
    return {
        "attack": "G4", "what": "difference of two rounds' sums", "rules": seen.rules, "rounds": rounds,
        "sees": "two sums, one without the hospital",
        "cosine": round(_cosine(guess, target), 4),
        "cosine_of_the_sum": round(_cosine(seen.sum(rounds - 2), target), 4),
        "relative_error": round(float(np.linalg.norm(guess - target) / np.linalg.norm(target)), 4),
    }  # fmt: skip


def label_share(
    setup: Preset,
    hospitals: list[Records],
    own: Records,
    shadows: int,
    seed: int,
    private: Mechanism | None = None,
) -> Line:
    """P1: the share of label 1 among all hospitals, from the first round's sum."""
    rng = np.random.default_rng(seed)
    silent = None if private is None else replace(private, adds_noise=False)  # of one's own one needs none
    rows = [min(len(records), len(own.labels)) for records in hospitals]
    sums, shares = [], []
    for _ in range(shadows):
        wanted, parts = rng.uniform(0.05, 0.95), []
        for count in rows:
            weights = np.where(own.labels == 1, wanted, 1 - wanted)
            chosen = rng.choice(len(own.labels), size=count, p=weights / weights.sum())
            parts.append(own.select(np.sort(chosen)))
        sums.append(follow(setup, parts, 1, seed, private=silent).sum(0) / sum(rows))
        shares.append(np.concatenate([part.labels for part in parts]).mean())
    known = np.array(sums)
    centre, answer = known.mean(0), np.array(shares)
    inner = (known - centre) @ (known - centre).T
    inner[np.diag_indices_from(inner)] += 1e-2 * np.trace(inner) / len(inner)
    factors = np.linalg.solve(inner, answer - answer.mean())
    total = follow(setup, hospitals, 1, seed, private=private).sum(0) / sum(map(len, hospitals))
    estimate = float(answer.mean() + (total - centre) @ (known - centre).T @ factors)
    truth = float(np.concatenate([records.labels for records in hospitals]).mean())
    return {
        "attack": "P1", "what": "share of label 1", "sees": f"sum of {len(hospitals)} updates of round 1",
        "rules": private.name if private else usual_rules(setup),
        "shadows": shadows, "true": round(truth, 4), "estimated": round(estimate, 4),
        "error": round(abs(estimate - truth), 4),
    }  # fmt: skip
