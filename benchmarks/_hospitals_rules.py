"""The rules of `hospitals_accuracy.py`, and the comparison of its twin with what hospitals prove."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from _hospitals_twin import Rules, Sites, name_of
from _private_twin import INVERSE_DELTA, RELEASES

from proofward.engines.in_process import InProcessFederation
from proofward.federation.messages.basics.values import integers_from_bytes
from proofward.federation.messages.beacon import first_model
from proofward.federation.messages.consortium.usual import usual_threshold, usual_updates
from proofward.layers.averaging.weighting import ALL_ALIKE, BY_RECORDS
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.rules.privacy import HOSPITAL, LEAST_COARSE_VARIANCE, RECORD, Privacy
from proofward.models import preset
from proofward.models.presets import preset_file
from proofward.privacy.accountant import Accountant
from proofward.privacy.choice import least_noise
from proofward.relations.rules.config import RoundConfig
from proofward.report.comparing.baselines import first_weights, round_beacon
from proofward.report.demonstrations.scenario import demonstration_plan

NAME, ROWS = "logistic", 16
"""Preset, and records of each hospital."""
CLIP_BITS = {RECORD: 0, HOSPITAL: -1}
"""A record's gradient is clipped to 1, as usual; a hospital's update to 1/2, about as long as the first."""


@lru_cache(maxsize=256)
def rules(granularity: str, epsilon: float, hospitals: int) -> Rules | None:
    """Of so many hospitals, without privacy for no granularity; None where the most noise is not enough."""
    setup, first = preset(NAME), np.zeros(preset(NAME).model.parameters, dtype=np.int64)
    about = setup.model, setup.scales
    if not granularity:
        config = RoundConfig(*about, setup.training, setup.clip_bound, 2, 1)
        return Rules(setup, config, ROWS, first)
    threshold = usual_threshold(hospitals)
    minimum = usual_updates(hospitals, threshold)
    bits, least = CLIP_BITS[granularity], LEAST_COARSE_VARIANCE
    asked = Privacy(bits, least, RELEASES, 1, threshold, INVERSE_DELTA, granularity)
    try:
        privacy = least_noise(asked, epsilon, setup.model.parameters, minimum)
    except ConfigurationError:
        return None
    training, weighting = setup.training, ALL_ALIKE
    if granularity == RECORD:
        file, weighting = preset_file(NAME), BY_RECORDS
        proposed = file.proposed_rate(epsilon)
        assert proposed is not None
        settings = replace(file.settings_for(True), learning_rate=proposed)
        training = settings.preset(file.name, file.summary, file.inputs).training
    config = RoundConfig(*about, training, privacy.clip_bound, 2, 1, weighting=weighting, privacy=privacy)
    return Rules(setup, config, ROWS, first)


def exact_rules(seed: int) -> Rules:
    """Without privacy, from drawn weights."""
    found = rules("", 0.0, 0)
    assert found is not None
    return replace(found, first=first_weights(found.setup, seed))


def noises(epsilons: Sequence[float], count: int) -> dict[str, dict[str, float]]:
    """The noise of each way: a hospital's and that of a whole sum, in clip bounds, and what is promised."""
    found = {}
    for granularity in (RECORD, HOSPITAL):
        for epsilon in epsilons:
            private = rules(granularity, epsilon, count)
            if private is None:
                continue
            threshold = usual_threshold(count)
            privacy, parameters = private.config.privacy, private.config.model.parameters
            assert privacy is not None
            kept = Accountant(privacy, parameters, usual_updates(count, threshold))
            one = kept.deviation / kept.clip_units
            found[f"{granularity}/{epsilon:g}"] = {
                "of_one": round(one, 3), "of_sum": round(one * count**0.5, 3),
                "promised": round(kept.promised, 3),
            }  # fmt: skip
    return found


def compared(sites: Sites, rounds: int) -> dict[str, int]:
    """How much was found equal, bit for bit, to what hospitals prove; ends the run where something is not.

    Updates of all ways, from a first and a later model, and the last model of a federation with proofs.
    """
    beacon = round_beacon(0, 0)
    exact, equal = exact_rules(0), 0
    later = exact.model(sites, [beacon])  # from whose weights others clip, too
    ways = [exact, *(rules(granularity, 3.0, 30) for granularity in (RECORD, HOSPITAL))]
    for own in ways:
        assert own is not None
        equal += sum(own.compared(weights, sites, beacon) for weights in (own.first, later))
    plan = demonstration_plan(exact.setup, len(sites), rounds, 1, "comparison")
    records = {name_of(at): (sites.features[at], sites.labels[at]) for at in range(len(sites))}
    assert list(records) == plan.hospitals
    with tempfile.TemporaryDirectory() as folder:
        engine = InProcessFederation(Path(folder) / "run", plan, records, workers=1)
        result = engine.run()
        history = engine.aggregator.history
    if not result.finished or result.refusals:
        raise SystemExit(f"the federation did not finish: {result.stopped or result.refusals}")
    drawn_first = first_model(engine.rules, history.sharing.beacon)
    first = integers_from_bytes(drawn_first, exact.setup.model.parameters)
    twin = replace(exact, first=first).model(sites, [closed.beacon for closed in history.closed])
    assert np.array_equal(twin, result.weights), "the twin's model is not that of the federation"
    return {"updates": equal, "proved_rounds": len(history.closed)}
