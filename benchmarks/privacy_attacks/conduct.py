"""What a dishonest party does to see one update: whole federations with real proofs, and who is named.

G1 needs a first model of somebody's choice, G5 two sums of one round, C1 a complaint that publishes shares,
B1 a second draw of the beacon, A1 an absence that says something of the records.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from privacy_attacks.federation import usual_rules
from privacy_attacks.mechanism import Mechanism
from proofward.data.reading.records import Records
from proofward.engines.attacks.catalogue import ATTACKS
from proofward.engines.in_process import InProcessFederation
from proofward.layers.basics.errors import TrainingError
from proofward.layers.local_training.training import train
from proofward.layers.rules.schedule import schedule
from proofward.models.settings import Preset
from proofward.relations.rules.config import RoundConfig
from proofward.report.demonstrations.attack_outcome import judge
from proofward.report.demonstrations.scenario import make_scenario

Line = dict[str, object]
ATTEMPTS = (
    ("G1", "another-first-model", "the coordinator chooses the first model"),
    ("G5", "double-consent", "a hospital consents to two sets of one round"),
    ("C1", "false-complaint", "a holder complains of a good share"),
    ("B1", "wrong-beacon-share", "a member shows another share of the beacon than it dealt"),
)


def attempts(chosen: Sequence[tuple[str, str, str]]) -> Iterator[Line]:
    """Run each in a federation of the preset tiny; `refused` tells whether its culprit was named."""
    for letter, name, what in chosen:
        attack, scenario = ATTACKS[name], make_scenario("tiny", 5, 1, 1)
        datasets = {own: (rows.features, rows.labels) for own, rows in scenario.hospitals.items()}
        with tempfile.TemporaryDirectory() as folder:
            run, parties = Path(folder) / "run", attack.parties("hospital-0")
            engine = InProcessFederation(run, scenario.plan, datasets, seed=bytes(32), parties=parties)
            result = engine.run()
            history = engine.aggregator.history
            culprit = attack.culprit("hospital-0", "verifier-1", "aggregator")
            outcome = judge(attack, culprit, result, history, [])
            opened = [state.accepted.record.hospitals for state in history.closed if state.accepted]
            engine.close()
        yield {
            "attack": letter, "what": what, "sees": "what it signs itself, and the ledger",
            "named": outcome.culprit, "check": outcome.check, "by": len(outcome.by),
            "sums_opened_by_round": len(opened), "refused": outcome.culprit == culprit,
            "advantage": float(outcome.culprit != culprit), "limit": {"advantage": 0.0},
        }  # fmt: skip


def absences(setup: Preset, trials: int, seed: int, private: Mechanism | None = None) -> Line:
    """A1: how many of `trials` extreme models and records leave a hospital without an update."""
    rng, failed = np.random.default_rng(seed), 0
    config = RoundConfig(setup.model, setup.scales, setup.training, setup.clip_bound, 2, 1)
    rows = max(config.least_rows, setup.training.batch)
    limit, (low, high) = config.weight_limit, setup.scales.input_range
    for trial in range(trials):
        weights = rng.choice([-limit, 0, limit], size=setup.model.parameters).astype(np.int64)
        features = rng.choice([low, 0, high], size=(rows, setup.model.features)).astype(np.int64)
        records = Records(features, rng.integers(0, 2, rows))
        beacon = trial.to_bytes(32, "little")
        try:
            if private is not None:
                private.update(setup, weights, records)
                continue
            train(
                setup.model, setup.scales, setup.training, weights, records.features, records.labels,
                schedule(beacon, "hospital-0", rows, setup.training),
            )  # fmt: skip
        except TrainingError:
            failed += 1
    return {
        "attack": "A1", "what": "absence as an answer", "sees": "who uploaded, and has chosen the model",
        "rules": private.name if private else usual_rules(setup), "trials": trials, "absences": failed,
        "advantage": failed / trials, "limit": {"advantage": 0.0},
    }  # fmt: skip
