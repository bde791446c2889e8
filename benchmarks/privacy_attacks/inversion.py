"""Records read out of updates and sums: a trap model, a single step, and the public schedule of a long run.

The gradient of a unit's weights is the record times the gradient of its bias. Where one record alone fires
the unit, their ratio is the record. G1 chooses a first model whose units fire for about one record each; G2
takes an honest one and steps of few records; G3 solves the public schedule's linear system for the
gradients of single records. Sources: Boenisch et al. 2021 and Fowl et al. 2021 (trap models), Zhu and Blum
2020 (ratios).

Each also scores records by how near one lies to anything that was solved for, so that members can be told
from records of nobody: an attack that reads members off tells them apart, and has the limit of any.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from privacy_attacks.federation import Real, Seen, follow
from privacy_attacks.mechanism import Mechanism
from privacy_attacks.rates import limited, told_apart
from proofward.data.reading.records import Records
from proofward.layers.networks.network import mlp
from proofward.layers.references.float_twin import real_features
from proofward.layers.rules.model import Int64Array, Training
from proofward.models.settings import Preset
from proofward.report.comparing.baselines import pooled

Line = dict[str, object]
NEAR = 1 / 64  # one unit of the features' scale


def _ratios(change: Real, units: int, features: int) -> Real:
    """Each unit's weights' change over its bias's (units that moved, features)."""
    weights = change[: units * features].reshape(units, features)
    biases = change[units * features : units * features + units]
    moved = np.abs(biases) > 1e-9
    found: Real = weights[moved] / biases[moved][:, None]
    return found


def _read_off(ratios: Real, truth: Real, near: float) -> tuple[int, int]:
    """Records that some ratio equals in every feature to `near`, and how many ratios there were."""
    if not len(ratios):
        return 0, 0
    distance = np.abs(ratios[:, None, :] - truth[None]).max(2)
    return int((distance.min(0) <= near).sum()), len(ratios)


def nearness(found: Real, records: Real) -> Real:
    """(n,): minus the largest difference in a feature to the nearest of what was found (m, features)."""
    if not len(found):
        return np.full(len(records), -np.inf)
    parts = np.array_split(records, max(1, len(records) * len(found) // 20_000))
    return np.concatenate([-np.abs(found[None] - part[:, None]).max(2).min(1) for part in parts])


def _judged(members: Real, others: Real, private: Mechanism | None, noises: int, releases: int) -> Line:
    """How well members are told from others, with the limit; infinities are ties."""
    scores = [np.maximum(own, -1e9) for own in (members, others)]
    epsilon = private.epsilon(noises, releases) if private else None
    return limited(told_apart(*scores), epsilon, private.delta if private else 0.0)


def _features(records: Records, setup: Preset) -> Real:
    found: Real = real_features(records.features, setup.scales).astype(np.float64)
    return found


def trap_weights(setup: Preset, own: Real, count: int, rng: np.random.Generator) -> Int64Array:
    """A first model whose units fire for the outermost of `count` records along random directions.

    own: the attacker's own records, from which it takes the thresholds.
    """
    model, scales = setup.model, setup.scales
    units, features = model.layers[0].shape
    flat = np.zeros(model.parameters)
    start, bias, end = model.offsets[0]
    directions = rng.standard_normal((units, features)) / np.sqrt(features)
    along = own @ directions.T
    # the value that about one of `count` records exceeds, were the projections normal
    threshold = along.mean(0) + along.std(0) * np.sqrt(2 * np.log(count))
    flat[start:bias], flat[bias:end] = directions.reshape(-1), -threshold
    start, bias, _ = model.offsets[1]
    signs = rng.choice([-1.0, 1.0], size=units)
    flat[start:bias] = (np.stack([-signs, signs]) / 4).reshape(-1)
    weights: Int64Array = np.rint(flat * (1 << scales.weight_bits)).astype(np.int64)
    return weights


def wide_network(setup: Preset, units: int) -> Preset:
    """With so many hidden units."""
    return replace(setup, model=mlp((setup.model.features, units, 2)))


def trap_model(
    wide: Preset,
    hospitals: list[Records],
    others: Records,
    rounds: int,
    seed: int,
    private: Mechanism | None = None,
) -> Line:
    """G1: how many records of all hospitals the sums give away."""
    units = wide.model.layers[0].shape[0]
    rng = np.random.default_rng(seed)
    count = sum(map(len, hospitals))
    first = trap_weights(wide, _features(others, wide), count, rng)
    seen = follow(wide, hospitals, rounds, seed, first=first, private=private)
    truth = _features(pooled(hospitals), wide)
    ratios = np.concatenate(
        [_ratios(seen.sum(number), units, wide.model.features) for number in range(rounds)]
    )
    found, candidates = _read_off(ratios, truth, NEAR)
    near, _ = _read_off(ratios, truth, 0.25)
    scores = nearness(ratios, truth), nearness(ratios, _features(others, wide))
    return {
        "attack": "G1", "what": "trap model", "rules": seen.rules, "rounds": rounds,
        "units": units, "records": count,
        "sees": f"sum of {len(hospitals)} updates, and has chosen the first model",
        "records_read_off": found, "within_a_quarter": near, "candidates": candidates,
        **_none_allowed(found, private, _judged(*scores, private, len(hospitals), rounds)),
    }  # fmt: skip


def _none_allowed(found: int, private: Mechanism | None, judged: Line) -> Line:
    """With noise, no record may be read off either."""
    limits = judged["limit"]
    if private is None or not private.adds_noise or not isinstance(limits, dict):
        return judged
    exceeded = bool(judged["exceeded"]) or found > 0
    return {**judged, "limit": {"records_read_off": 0, **limits}, "exceeded": exceeded}


def single_step(
    setup: Preset,
    records: Records,
    batch: int,
    rate: float,
    trials: int,
    seed: int,
    private: Mechanism | None = None,
) -> Line:
    """G2: one update of one step on `batch` records from an honest first model."""
    per_step = max(1, round(rate / batch * (1 << setup.scales.rate_shift)))
    own = replace(setup, training=Training(per_step, batch, 0, 1), clip_bound=1 << 20)
    units, features = own.model.layers[0].shape
    found, near = 0, ([], [])
    for trial in range(trials):
        order = np.random.default_rng((seed, trial)).permutation(len(records.labels))
        chosen, strange = (records.select(np.sort(order[at : at + batch])) for at in (0, batch))
        seen = follow(own, [chosen, chosen], 1, seed + trial, private=private)
        change = seen.updates[0][0]
        assert change is not None
        ratios = _ratios(change, units, features)
        found += _read_off(ratios, _features(chosen, own), NEAR)[0]
        for side, some in zip(near, (chosen, strange), strict=True):
            side.append(nearness(ratios, _features(some, own)))
    scores = [np.concatenate(side) for side in near]
    return {
        "attack": "G2", "what": "ratios of one step", "sees": "one update", "batch": batch,
        "rules": private.name if private else f"exact, one step at rate {rate:g}",
        "records": batch * trials, "records_read_off": found, "share": round(found / (batch * trials), 4),
        **_none_allowed(found, private, _judged(scores[0], scores[1], private, 1, 1)),
    }  # fmt: skip


def schedule_inversion(
    setup: Preset,
    hospitals: list[Records],
    others: Records,
    rounds: int,
    seed: int,
    private: Mechanism | None = None,
) -> Line:
    """G3: least squares for each record's gradient, which hardly moves when training has settled.

    The first third of the rounds, in which the model moves, is left out.
    """
    seen = follow(setup, hospitals, rounds, seed, private=private)
    starts, settled = np.cumsum([0, *map(len, hospitals)]), range(rounds // 3, rounds)
    system, right = np.zeros((len(settled), starts[-1])), []
    for place, number in enumerate(settled):
        for index, records in enumerate(hospitals):
            if private is not None:  # every record is in every sum, once
                system[place, starts[index] : starts[index + 1]] = 1
                continue
            rows, times = np.unique(seen.batches(number, index), return_counts=True)
            system[place, starts[index] + rows] = times * len(records)
        right.append(seen.sum(number))
    solved, scores = _solved(system, np.array(right), seen, others)
    found = int(str(solved["records_read_off"]))
    judged = _judged(*scores, private, len(hospitals), rounds)
    return {**solved, "rules": seen.rules, "rounds": rounds, **_none_allowed(found, private, judged)}


def _solved(system: Real, right: Real, seen: Seen, others: Records) -> tuple[Line, tuple[Real, Real]]:
    """The line, and how near members and others are to what was solved for."""
    found = np.linalg.lstsq(system, right, rcond=None)[0]
    features = seen.setup.model.features
    start, bias, _ = seen.setup.model.offsets[0]
    weights = found[:, start + features : start + 2 * features]
    ratio = weights / np.where(np.abs(found[:, bias + 1]) < 1e-12, np.inf, found[:, bias + 1])[:, None]
    truth = _features(pooled(seen.hospitals), seen.setup)
    read = np.abs(ratio - truth).max(1) <= 0.25 * truth.std(0).max()
    scores = nearness(ratio, truth), nearness(ratio, _features(others, seen.setup))
    return {
        "attack": "G3", "what": "inversion of the public schedule", "sees": "the public ledger",
        "records": len(truth), "records_read_off": int(read.sum()),
        "equations": int(np.linalg.matrix_rank(system)), "unknowns": system.shape[1],
    }, scores  # fmt: skip
