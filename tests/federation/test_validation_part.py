"""Whole federations beside validation parts: what is drawn when, what trains, what counts, and who is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from proofward.engines.attacks.hospitals import ShiftsValidation, TrainsOnValidation
from proofward.engines.in_process import InProcessFederation, Parties
from proofward.engines.operations.verification_worker import ACCEPTED, pack, verify
from proofward.federation.history.proving.proof_jobs import RoundJob
from proofward.federation.history.proving.proofs import RelationProofs
from proofward.federation.history.proving.statements import validation_arc
from proofward.federation.history.state.history_state import CONFIRM, UPLOAD
from proofward.federation.messages.basics.values import integers_from_bytes
from proofward.federation.messages.beacon import first_model
from proofward.federation.parties.auditor import Auditor
from proofward.layers.local_training.training import train
from proofward.layers.rules.schedule import schedule
from proofward.layers.rules.validation_part import arc_of
from proofward.report.handover.proof_file import BesideValidation, ProofFile, proof_files
from tests.federation.fakes import FakeProofs, datasets, plan
from tests.federation.harness import Withholding

pytestmark = pytest.mark.slow
SHARE = 250_000
CHEATS, SHIFTS, LATE = "hospital-1", "hospital-2", "hospital-3"


def validated(hospitals: int, rounds: int):
    """The plan with a validation share and a rate of 1, then 3; and records of up to three rows a patient, dealt in turn."""
    made = plan(hospitals=hospitals, verifiers=1, rounds=rounds, threshold=1)
    training = replace(made.config.training, validation_share=SHARE, later_rates=((2, 3),))
    made = replace(made, config=replace(made.config, training=training, least_rows=0, most_rows=0))
    data = {name: (*records, np.arange(len(records[1]), dtype=np.int64) % 5)
            for name, records in datasets(made, rows=12).items()}  # fmt: skip
    return made, data


def kept(engine, hospital):
    """Features, labels and patients that a hospital keeps, in the order of its commitment."""
    secrets = engine.hospitals[hospital].state.secrets
    root = engine.aggregator.history.dataset_roots[hospital]
    features, labels = engine.hospitals[hospital].proofs.records_of(secrets.get(f"dataset/{root.hex()}"))
    return features, labels, integers_from_bytes(secrets.get("patients"), len(labels))


@pytest.fixture(scope="module")
def attacked(tmp_path_factory):
    """Six hospitals with real proofs: one trains on a row of its part, one shifts the part."""
    folder = tmp_path_factory.mktemp("validated")
    made, data = validated(6, 1)
    parties = Parties(hospitals={CHEATS: TrainsOnValidation, SHIFTS: ShiftsValidation})
    engine = InProcessFederation(folder, made, data, seed=b"s", parties=parties)
    engine.run(lambda: engine.aggregator.history.phase == CONFIRM)
    records = {name: kept(engine, name) for name in made.hospitals}
    counted = {name: engine.hospitals[name].validation_records() for name in made.hospitals}
    return engine, engine.run(), data, records, counted, folder


def test_who_trains_on_a_validation_row_or_shifts_its_part_is_refused_and_named(attacked):
    engine, result, *_, folder = attacked
    assert result.finished and {fault.culprit for fault in result.faults} == {CHEATS, SHIFTS}
    assert {fault.check for fault in result.faults} == {"column queries"}
    accepted = engine.aggregator.history.closed[0].accepted.record.hospitals
    assert accepted == ("hospital-0", "hospital-3", "hospital-4", "hospital-5")
    verdicts = list(Auditor(folder / "ledger", RelationProofs()).run())
    assert [str(verdict) for verdict in verdicts if not verdict.passed] == []


def test_the_commitment_has_every_row_once_patient_by_patient(attacked):
    _, _, data, records, _, _ = attacked
    for name, (features, labels, patients) in records.items():
        before = np.column_stack([data[name][0], data[name][1], data[name][2]])
        after = np.column_stack([features, labels, patients])
        assert not np.array_equal(before, after)
        assert sorted(map(tuple, before)) == sorted(map(tuple, after))
        assert len(np.flatnonzero(np.diff(patients))) + 1 == 5


def test_the_model_is_the_average_of_trainings_on_the_other_rows_weighted_by_their_number(attacked):
    engine, result, _, records, _, _ = attacked
    config, history = engine.rules.config, engine.aggregator.history
    closed, weights = history.closed[0], integers_from_bytes(first_model(engine.rules, history.sharing.beacon), 30)
    total, weight = np.zeros_like(weights), 0
    shift = config.weight_shift(max(len(labels) for _, labels, _ in records.values()))
    for name in closed.accepted.record.hospitals:
        features, labels, _ = records[name]
        arc = arc_of(closed.beacon, name, len(labels), SHARE)
        assert arc == validation_arc(history, name)
        alone = replace(config.training.in_round(1), validation_share=0)
        order = schedule(closed.beacon, name, len(arc.trained), alone)
        own = (features[arc.trained], labels[arc.trained], order)
        update = train(config.model, config.scales, alone, weights, *own).update
        rule = config.update_rule(len(labels), shift)
        assert rule.weight == len(arc.trained) << 10 >> shift
        total += rule.submit(update)[1]
        weight += rule.weight
    assert (result.weights == config.model_rule.following(weights, (), total, weight)[0]).all()


def test_a_hospital_counts_the_rows_of_its_part_whose_patients_have_no_other(attacked):
    engine, _, _, records, counted, _ = attacked
    assert sum(map(len, counted.values())) > 0
    for name, (features, labels, patients) in records.items():
        arc, found = validation_arc(engine.aggregator.history, name), counted[name]
        assert set(found.rows) <= set(arc.held_out)
        assert not set(patients[found.rows]) & set(patients[arc.trained])
        left_out = sorted(set(arc.held_out) - set(found.rows))
        assert set(patients[left_out]) <= set(patients[arc.trained])
        assert (found.features == features[found.rows]).all() and (found.labels == labels[found.rows]).all()


def test_proof_files_and_the_verification_pool_carry_the_beacon(attacked):
    engine = attacked[0]
    history, objects = engine.aggregator.history, engine.aggregator.objects
    files = {name: ProofFile.from_bytes(data) for name, data in proof_files(history, objects)}
    file = files["proofs/hospital-0-round-1.proof"]
    assert isinstance(file, BesideValidation) and ProofFile.from_bytes(file.data) == file
    assert file.validation_beacon == history.validation_beacons["hospital-0"]
    file.verify(accept_weak=True)
    job = RoundJob("", file.statement, file.sealed_shares, file.ciphertext, file.proof)
    assert verify(pack(job))[0] == ACCEPTED
    cheat = files[f"proofs/{CHEATS}-round-1.proof"]
    job = RoundJob("", cheat.statement, cheat.sealed_shares, cheat.ciphertext, cheat.proof)
    assert verify(pack(job))[:2] == ("rejected", "column queries")


def test_the_part_is_drawn_by_the_first_beacon_that_could_not_be_known_and_stays(tmp_path):
    """Who enrols late has another one, of the round behind the next accepted set, whenever it is judged."""
    made, data = validated(4, 3)
    network = Withholding(LATE, "enrolment")
    engine = InProcessFederation(tmp_path, made, data, seed=b"s", network=network, proofs=FakeProofs())
    history = engine.aggregator.history
    engine.run(lambda: history.phase == UPLOAD)
    assert set(history.validation_beacons) == {"hospital-0", "hospital-1", "hospital-2"}
    assert validation_arc(history, LATE) is None and engine.hospitals[LATE].validation_records() is None
    network.topic = ""
    assert engine.run().finished
    beacons = [state.beacon for state in history.closed]
    expected = dict.fromkeys(made.hospitals, beacons[0]) | {LATE: beacons[1]}
    assert history.validation_beacons == expected


def test_a_restarted_hospital_has_the_same_order(tmp_path):
    made, data = validated(3, 1)
    engine = InProcessFederation(tmp_path, made, data, proofs=FakeProofs())
    engine.run(lambda: engine.aggregator.history.phase == UPLOAD)
    before = {name: kept(engine, name) for name in made.hospitals}
    engine.close()
    again = InProcessFederation(tmp_path, made, data, proofs=FakeProofs())
    again.run(lambda: again.aggregator.history.phase == CONFIRM)
    for name in made.hospitals:
        for one, other in zip(before[name], kept(again, name), strict=True):
            assert (one == other).all()
    assert again.run().finished
