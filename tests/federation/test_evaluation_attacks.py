"""A whole federation in which many lie about their metrics: of three classes, by level, beside noise, at other times."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from proofward.engines.attacks.hospitals import CopiesProof, SealsWrongShare
from proofward.engines.in_process import InProcessFederation, Parties
from proofward.federation.history.sums.aggregation import model_weights
from proofward.federation.messages.basics.values import words_to_bytes
from proofward.federation.parties.hospital import Hospital
from proofward.layers.networks.network import mlp
from proofward.layers.rules.subgroup import Subgroup
from proofward.privacy.counts import least_noise_of_counts
from proofward.relations.proofs.measure import secret_words_of
from proofward.relations.records.secret import DatasetSecret
from proofward.relations.scores.score_counting import counting_of
from proofward.relations.scores.score_layout import ScoreLayout
from proofward.report.audits.audit_summary import AuditSummary
from proofward.report.audits.run_audit import RunAudit
from tests.federation.fakes import datasets, plan
from tests.federation.private_plans import made_private
from tests.proof.cheats import Forger, Recorder
from tests.relations import evaluation_cases
from tests.relations.noisy_count_cases import drawn, encrypting

pytestmark = pytest.mark.slow
SEX = Subgroup("sex", ("f", "m"), 1)
LAYOUT = ScoreLayout(3, 4, 1, (SEX,))
EARLY, LATE = 1, 3
"""Rounds that evaluate, with one of training between."""
REFUSED = "column queries"


class Lies(Hospital):
    """In one round it proves the true statement as well as it can, with noise as drawn, for other counts."""

    lies_in = EARLY

    def prove_evaluation(self, statement, secret):
        made, sealed = super().prove_evaluation(statement, secret)
        if statement.round != self.lies_in:
            return made, sealed
        known = DatasetSecret.from_bytes(secret)
        seed = self.noise_seed(statement)
        noise = secret_words_of(statement.config, statement.rows, statement.counting, seed)

        def evaluated(**told):
            return evaluation_cases.evaluated(statement, secret=known, **told)

        evaluation_cases.says(encrypting(evaluated(), noise=noise), Recorder, made.sealed_shares)
        pretends = type("Pretends", (Forger,), {"fallback": Recorder.last.columns})
        message, false = self.told(statement, known, evaluated, drawn(statement, noise))
        forged = encrypting(false, message, noise)
        words, _, proof = evaluation_cases.says(forged, pretends, made.sealed_shares)
        return replace(made, ciphertext=words_to_bytes(words), proof=proof), sealed

    def told(self, statement, known, evaluated, noise):
        """What it encrypts, and what it counts."""
        false = evaluated(**self.other(statement, known))
        return false.witness.counts + noise, false

    def other(self, statement, known):
        """What it counts otherwise."""
        raise NotImplementedError


class CountsOneTwice(Lies):
    def other(self, statement, known):
        own = statement.arc.held_out
        return {"rows": np.append(own[:-1], own[0])}


class CountsATrainedRow(Lies):
    def other(self, statement, known):
        return {"rows": np.append(statement.arc.held_out[:-1], statement.arc.trained[0])}


class FlipsOneClass(Lies):
    """Of a row of the part alone; it trains on all others as they are."""

    def other(self, statement, known):
        labels, row = known.labels.copy(), int(statement.arc.held_out[0])
        labels[row] = (labels[row] + 1) % 3
        return {"labels": labels}


class MovesALevel(Lies):
    def other(self, statement, known):
        features, row = known.features.copy(), int(statement.arc.held_out[0])
        features[row, 1:3] *= -1
        return {"features": features}


class ShiftsABin(Lies):
    """One record of the third class, by one bin, in the histogram of all records."""

    def told(self, statement, known, evaluated, noise):
        true = evaluated()
        counts, start = true.witness.counts.copy(), 2 * LAYOUT.bins * 2 + LAYOUT.bins
        place = start + int(counts[start : start + LAYOUT.bins].argmax())
        counts[[place, place + (1 if place < start + LAYOUT.bins - 1 else -1)]] += [-1, 1]
        return counts + noise, true


class ChoosesItsNoise(Lies):
    lies_in = LATE

    def told(self, statement, known, evaluated, noise):
        true = evaluated()
        return true.witness.counts + np.abs(noise), true


class EvaluatesTheModelBefore(Lies):
    """The first model, which no round has accepted since."""

    lies_in = LATE

    def other(self, statement, known):
        first = model_weights(self.history, self.objects, self.history.closed[0].model)
        assert (first != statement.weights).any()
        return {"weights": first}


class CountsOthersRows(Lies):
    """Records of another hospital, in the places of its own."""

    lies_in = LATE
    theirs = None

    def other(self, statement, known):
        features, labels = self.theirs
        return {"features": features[: statement.rows].copy(), "labels": labels[: statement.rows].copy()}


class ReplaysTheFirst(Hospital):
    """Sends what it sent in the first evaluation again."""

    first = None

    def prove_evaluation(self, statement, secret):
        made, sealed = super().prove_evaluation(statement, secret)
        self.first = self.first or made
        return replace(made, ciphertext=self.first.ciphertext, proof=self.first.proof), sealed


class CopiesLate(CopiesProof):
    """Another hospital's counts of its rows, as its own."""

    def others(self):
        return super().others() if self.history.round.number == LATE else [self.name]

    def prove_upload(self, statement):
        if statement.round == LATE:
            return super().prove_upload(statement)
        return Hospital.prove_upload(self, statement)


class SealsWrongShareLate(SealsWrongShare):
    def seal_share(self, holder, share):
        return super().seal_share(holder, share) if self.history.round.number == LATE else Hospital.seal_share(self, holder, share)


FIRST = (CountsOneTwice, CountsATrainedRow, FlipsOneClass, MovesALevel, ShiftsABin)
SECOND = {
    ChoosesItsNoise: REFUSED, EvaluatesTheModelBefore: REFUSED, CountsOthersRows: REFUSED,
    ReplaysTheFirst: "replayed-proof", CopiesLate: "length", SealsWrongShareLate: "key-share",
}  # fmt: skip
HOSPITALS = 14
LIARS = {f"hospital-{number}": kind for number, kind in enumerate((*FIRST, *SECOND))}
FOUND = {
    **{name: (EARLY, REFUSED) for name in list(LIARS)[: len(FIRST)]},
    **{name: (LATE, SECOND[kind]) for name, kind in LIARS.items() if kind in SECOND},
}


def records(agreed):
    return {
        name: (np.where(features == 0, 1, features), np.arange(len(features), dtype=np.int64) % 3)
        for name, (features, _) in datasets(agreed, rows=16).items()
    }


@pytest.fixture(scope="module")
def attacked(tmp_path_factory):
    """Real proofs; rounds 1 and 3 evaluate, five hospitals lie in the first of them and six in the second."""
    made = made_private(plan(hospitals=HOSPITALS, verifiers=1, rounds=3, threshold=1))
    training = replace(made.config.training, batch=32, validation_share=300_000)
    config = replace(made.config, model=mlp((4, 4, 3)), training=training, least_rows=0, most_rows=0)
    exact = counting_of(LAYOUT, (EARLY, LATE), proved=True)
    noise = least_noise_of_counts(config.privacy, config.model.parameters, exact, 1)
    made = replace(made, config=config, counting=(replace(exact, noise=noise, spends=1),))
    data = records(made)
    CountsOthersRows.theirs = data[f"hospital-{HOSPITALS - 1}"]
    folder = tmp_path_factory.mktemp("attacked") / "run"
    engine = InProcessFederation(folder, made, data, seed=b"s", parties=Parties(hospitals=LIARS))
    result = engine.run()
    yield engine, result
    engine.close()


def test_every_lie_is_refused_and_named_and_no_honest_hospital_is(attacked):
    engine, result = attacked
    assert result.finished and result.halted == {}
    assert {fault.culprit: (fault.round, fault.check) for fault in result.faults} == FOUND
    everybody, told = set(engine.rules.hospitals), {EARLY: set(), LATE: set()}
    for name, (number, _) in FOUND.items():
        told[number].add(name)
    assert [set(own.hospitals) for own in result.sums] == [everybody - told[EARLY], everybody - told[LATE]]


def test_the_audit_finds_the_record_sound_and_names_who_lied(attacked):
    engine, _ = attacked
    audit = RunAudit(engine.folder.ledger)
    summary = AuditSummary(list(audit.run()), audit.history)
    by_name = {"replayed-proof": "replayed-proof", "key-share": "key-share"}
    expected = {(name, by_name.get(check, "counts-proof")) for name, (_, check) in FOUND.items()}
    assert summary.consistent and {(breach.member, breach.check) for breach in summary.breaches} == expected
