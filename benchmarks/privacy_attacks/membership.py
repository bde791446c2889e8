"""Was this record in the training? M1 to M5: loss, likelihood ratio, trajectory, alignment, linear inversion.

Sources: M1 Yeom et al. 2018; M2 and M3 the likelihood ratio attack of Carlini et al. 2022, with the models
of other federations as shadows; M4 the gradient alignment of Nasr et al. 2019; M5 a ridge regression of the
published sums on the gradients of a list of candidates. In M1 to M3 members and others are drawn at random
from the same records, so that nothing but the training tells them apart. No parameter is chosen with the
truth.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from privacy_attacks.federation import Real, Seen, follow, usual_rules
from privacy_attacks.gradients import margins, record_gradients
from privacy_attacks.mechanism import Mechanism
from privacy_attacks.rates import limited, told_apart
from proofward.data.reading.records import Records
from proofward.models.settings import Preset
from proofward.report.comparing.baselines import pooled

Line = dict[str, object]


def shadow_margins(
    setup: Preset,
    records: Records,
    private: Mechanism | None,
    *,
    federations: int,
    hospitals: int,
    rounds: Sequence[int],
    seed: int,
) -> tuple[Real, np.ndarray]:
    """Margins (federations, rounds, records) of all records, and who was in (federations, records)."""
    count = len(records.labels)
    found = np.empty((federations, len(rounds), count))
    inside = np.zeros((federations, count), dtype=bool)
    for number in range(federations):
        order = np.random.default_rng((seed, number)).permutation(count)[: count // 2]
        inside[number, order] = True
        parts = [records.select(np.sort(part)) for part in np.array_split(order, hospitals)]
        seen = follow(setup, parts, max(rounds), seed + number, private=private)
        for place, after in enumerate(rounds):
            found[number, place] = margins(setup, seen.models[after], records)
    return found, inside


def likelihood_ratios(values: Real, inside: np.ndarray) -> Real:
    """(federations, records): log of the ratio of two Gaussians, fitted to all other federations.

    A record's spread is that of all its values around both centres, since few federations have seen it.
    """
    federations = len(values)
    scores = np.empty_like(values)
    for own in range(federations):
        others = np.arange(federations) != own
        known, within = values[others], inside[others]
        centres = []
        for side in (within, ~within):
            number = np.maximum(side.sum(0), 1)
            centres.append((known * side).sum(0) / number)
        spread = np.sqrt((np.where(within, known - centres[0], known - centres[1]) ** 2).mean(0)) + 1e-3
        scores[own] = ((values[own] - centres[1]) ** 2 - (values[own] - centres[0]) ** 2) / (2 * spread**2)
    return scores


def shadow_attacks(
    setup: Preset,
    records: Records,
    private: Mechanism | None = None,
    *,
    federations: int,
    hospitals: int,
    rounds: int,
    seed: int,
) -> Iterator[Line]:
    """M1, M2 and M3, from one set of federations."""

    def judged(inside: Real, outside: Real) -> Line:
        epsilon = private.epsilon(hospitals, rounds) if private else None
        return limited(told_apart(inside, outside), epsilon, private.delta if private else 0.0)

    seen_after = sorted({1, max(1, rounds // 3), rounds})
    values, inside = shadow_margins(
        setup, records, private, federations=federations, hospitals=hospitals, rounds=seen_after, seed=seed
    )
    rules = private.name if private else usual_rules(setup)
    about: Line = {"rules": rules, "federations": federations, "rounds": rounds}
    about["records"] = int(inside[0].sum())
    last = values[:, -1]
    yield {
        "attack": "M1", "what": "loss of the final model", "sees": "the final model", **about,
        **judged(last[inside], last[~inside]),
    }  # fmt: skip
    ratios = likelihood_ratios(last, inside)
    yield {
        "attack": "M2", "what": "likelihood ratio", "sees": "the final model", **about,
        **judged(ratios[inside], ratios[~inside]),
    }  # fmt: skip
    together = np.sum([likelihood_ratios(values[:, place], inside) for place in range(len(seen_after))], 0)
    yield {
        "attack": "M3", "what": f"likelihood ratio of the models after rounds {seen_after}",
        "sees": "models of several rounds", **about, **judged(together[inside], together[~inside]),
    }  # fmt: skip


def _known_gradients(seen: Seen, number: int, listed: Records) -> Real:
    """Of the candidates before a round; clipped where the rules clip."""
    gradients = record_gradients(seen.setup, seen.models[number], listed)
    if seen.private is not None and seen.private.clips:
        norms = np.linalg.norm(gradients, axis=1, keepdims=True)
        gradients = gradients * np.minimum(1.0, seen.private.clip / np.maximum(norms, 1e-12))
    return gradients


def _aligned(gradients: Real, total: Real) -> Real:
    """M4: the cosine of each candidate's descent with the sum."""
    lengths = np.linalg.norm(gradients, axis=1) * np.linalg.norm(total) + 1e-12
    return -(gradients @ total) / lengths


def _inverted(gradients: Real, total: Real, ridge: float = 1e-3) -> Real:
    """M5: how much of each candidate's gradient is in the sum, by ridge regression."""
    inner = gradients @ gradients.T
    inner[np.diag_indices_from(inner)] += ridge * np.trace(inner) / len(inner)
    found: Real = -np.linalg.solve(inner, gradients @ total)
    return found


SCORES = {
    "M4": ("gradient alignment", "every round, and a list of candidates", _aligned),
    "M5": ("linear inversion", "every round, and a list that has all members", _inverted),
}


def list_attacks(
    worlds: Sequence[tuple[Seen, Records]], counts: Sequence[int], rounds: Sequence[int]
) -> Iterator[Line]:
    """M4 and M5: the scores of all candidates, added over the rounds, in federations of several divisions.

    counts: of how many hospitals the sum is. The candidates are their members and records of nobody. rounds:
    after how many the attacker looks.
    """
    scores: dict[tuple[str, int, int], tuple[list[Real], list[Real]]] = {}
    for seen, others in worlds:
        everybody, total = pooled([*seen.hospitals, others]), sum(map(len, seen.hospitals))
        added = {(attack, count): np.zeros(len(everybody)) for attack in SCORES for count in counts}
        for number in range(max(rounds)):
            gradients = _known_gradients(seen, number, everybody)
            for (attack, count), own in added.items():
                members = sum(map(len, seen.hospitals[:count]))
                listed = np.r_[:members, total : len(everybody)]
                own[listed] += SCORES[attack][2](gradients[listed], seen.sum(number, range(count)))
                if number + 1 in rounds:
                    inside, outside = scores.setdefault((attack, count, number + 1), ([], []))
                    inside.append(own[:members].copy())
                    outside.append(own[total:].copy())
    first = worlds[0][0]
    for (attack, count, seen_after), (inside, outside) in sorted(scores.items()):
        what, sees, _ = SCORES[attack]
        private = first.private
        epsilon = private.epsilon(count, seen_after) if private else None
        found = told_apart(np.concatenate(inside), np.concatenate(outside))
        yield {
            "attack": attack, "what": what, "sees": f"sum of {count} updates, {sees}",
            "rules": first.rules, "rounds": seen_after, "divisions": len(worlds),
            **limited(found, epsilon, private.delta if private else 0.0),
        }  # fmt: skip
