"""A hospital counts its consents over all attempts and ledgers, and signs no more sums than the rules have."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from proofward.engines.in_process import FaithfulNetwork, InProcessFederation
from proofward.federation.history.state.history_state import CONSENT
from proofward.federation.history.steps.consent import releases_left
from proofward.federation.messages.consortium.rules import RulesError
from proofward.federation.messages.records.catalogue import Consent
from proofward.layers.rules.privacy import Privacy
from proofward.relations.rules.config import RoundConfig
from tests.federation.fakes import MODEL, SCALES, FakeProofs, datasets, plan
from tests.federation.harness import Stopped, opened
from tests.relations.private_cases import full_batch

PRIVACY = Privacy(
    clip_bits=0, coarse_variance=5750, releases=3, records_a_patient=1, colluders=2, inverse_delta=100_000
)


def private_plan(rounds=2, **changes):
    agreed, own = plan(rounds=rounds), replace(PRIVACY, **changes)
    config = RoundConfig(MODEL, SCALES, full_batch(), own.clip_bound, 5, 2, 40, True, privacy=own)
    return replace(agreed, config=config)


class Squeezing(FaithfulNetwork):
    """An aggregator that collects every consent and records all but one, for as long as there is another."""

    def __init__(self) -> None:
        self.signed = defaultdict(set)

    def to_aggregator(self, member, message):
        envelope = opened(message)
        if envelope.topic != Consent.kind:
            return (message,)
        self.signed[member].add(envelope.record.accepted_set)
        return () if member == "hospital-4" and envelope.attempt == 0 else (message,)


@pytest.fixture(scope="module")
def squeezed(tmp_path_factory):
    """A federation of two rounds and two releases whose aggregator spends both in the first round."""
    events, network = [], Squeezing()
    agreed = private_plan(releases=2)
    engine = InProcessFederation(
        tmp_path_factory.mktemp("squeezed"), agreed, datasets(agreed), seed=b"s", proofs=FakeProofs(),
        network=network, observe=events.append,
    )  # fmt: skip
    result = engine.run()
    facts = {name: _kept(engine.folder.party(name) / "state.sqlite") for name in agreed.hospitals}
    return engine, result, network.signed, events, facts


def _kept(path):
    """What a hospital's state says of its budget: how many releases, and of which sets."""
    with closing(sqlite3.connect(path)) as database:
        rows = dict(database.execute("SELECT name, value FROM facts WHERE name LIKE 'release%'").fetchall())
    return int(rows.pop("releases")), {bytes.fromhex(name.removeprefix("release/")) for name in rows}


def test_an_aggregator_that_restarts_attempts_gets_no_more_sums(squeezed):
    engine, result, signed, events, _ = squeezed
    history = engine.aggregator.history
    assert not result.finished and len(history.closed) == 1 and history.position()[0] == 2
    assert {name: len(sets) for name, sets in signed.items()} == {
        **dict.fromkeys(("hospital-0", "hospital-1", "hospital-2", "hospital-3"), 2), "hospital-4": 1
    }  # fmt: skip
    unable = [event for event in events if event.kind == "unable"]
    assert {event.party for event in unable} == {f"hospital-{index}" for index in range(4)}
    assert all("budget is spent" in event.detail for event in unable)


def test_who_has_no_release_left_sends_no_update_for_which_others_would_spend_one(squeezed):
    engine, _, _, _, facts = squeezed
    state = engine.aggregator.history.round
    assert state.present == tuple(engine.hospitals) and set(state.uploads) == {"hospital-4"}
    assert state.accepted is None and facts["hospital-4"][0] == 1


def test_the_count_is_kept_with_the_state(squeezed):
    _, _, signed, _, facts = squeezed
    assert facts == {name: (len(sets), sets) for name, sets in signed.items()}


def test_a_hospital_sends_again_what_it_has_signed_and_signs_nothing_else(tmp_path):
    stopped = Stopped(tmp_path, CONSENT, 1, "hospital", Consent.kind, private_plan())
    hospital, accepted = stopped.engine.hospitals["hospital-0"], stopped.history.round.accepted
    assert hospital.spent == 1
    with hospital.state.transaction():
        hospital.state.put("releases", b"3")
    assert hospital.may_release(accepted.digest) and not hospital.may_release(bytes(32))
    assert hospital.spending(accepted.digest) == {}
    stopped.engine.close()


def test_the_ledger_takes_no_consent_beyond_the_budget(tmp_path):
    stopped = Stopped(tmp_path, CONSENT, 1, "hospital-0", Consent.kind, private_plan())
    history, name = stopped.history, "hospital-0"
    accepted = history.round.accepted
    consent = stopped.spoken(name, Consent(accepted.digest, history.round.model))
    assert releases_left(history, name) == 3
    history.releases[name] = 3
    assert stopped.check(consent) == ("privacy-budget", name)
    history.releases[name] = 2
    history.judge(consent)
    stopped.engine.close()


def test_a_hospital_does_not_enrol_more_records_of_one_patient_than_the_noise_is_for(tmp_path):
    events, agreed = [], private_plan(records_a_patient=2)
    data = datasets(agreed)
    patients = {"hospital-0": [2, 0, 2, 1, 2], "hospital-1": [2, 0, 2, 1, 1]}
    for name, first in patients.items():
        features, labels = data[name]
        groups = np.arange(len(labels)) + 10
        groups[: len(first)] = first
        data[name] = features, labels, groups
    engine = InProcessFederation(
        tmp_path, agreed, data, seed=b"s", proofs=FakeProofs(), observe=events.append
    )
    engine.run(lambda: engine.aggregator.history.phase == CONSENT)
    assert set(engine.aggregator.history.enrolments) == set(agreed.hospitals) - {"hospital-0"}
    (unable,) = [event for event in events if event.kind == "unable"]
    assert unable.party == "hospital-0" and "records_a_patient" in unable.detail
    assert "at most 2 of one patient" in unable.detail and unable.detail.endswith("3")
    engine.close()


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"releases": 1}, "at least 2, one for each round"), ({"colluders": 4}, "fewer than minimum_updates = 4")],
)
def test_rules_refuse_a_budget_that_does_not_last_and_noise_that_nobody_keeps(tmp_path, changes, words):
    agreed = private_plan(**changes)
    with pytest.raises(RulesError, match=words):
        InProcessFederation(tmp_path, agreed, datasets(agreed), seed=b"s", proofs=FakeProofs())
