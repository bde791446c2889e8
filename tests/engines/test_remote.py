"""Federations over `engines/remote` end with the same model as in one process.

They do so whatever the wire does. Some members come late, some leave, and deadlines pass.
"""

from __future__ import annotations

import random
import time

import pytest

from proofward.engines.in_process import InProcessFederation
from proofward.engines.remote import site
from proofward.engines.remote.agreement.home import DATASET, Home
from proofward.engines.remote.carrying.messages import Follow
from proofward.engines.remote.hosting.shown import extension
from proofward.federation.history.faults import faults
from proofward.federation.history.history import History
from proofward.federation.history.state.history_state import ABANDON, CONSENT, ENROLMENT, KEYS
from proofward.federation.messages.wire import open_extension
from proofward.federation.parties.following.extension import log_verifier
from proofward.ledger.checkpoint import open_checkpoint
from proofward.ledger.merkle_log import verify_consistency
from tests.engines.remote_harness import (
    AUDITOR,
    SEED,
    Consortium,
    Lost,
    agreement,
    one_slot_one_envelope,
    topic,
)
from tests.engines.unhurried import Unhurried
from tests.federation.fakes import FakeProofs, datasets
from tests.sampling import sampled

pytestmark = pytest.mark.slow

FOUR = agreement(hospitals=4, verifiers=5)
"""A consortium that goes on without one hospital."""
EVERYBODY = tuple(FOUR.hospitals)
WAITED_FOR = ["beacon-deal", "beacon-vouch", "beacon-shares", "holder-keys", "upload", "verdict",
              "shares-checked", "lock", "share-sum"]  # fmt: skip


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    agreed, folder = agreement(), tmp_path_factory.mktemp("in-process")
    result = InProcessFederation(folder, agreed, datasets(agreed), seed=SEED, proofs=FakeProofs()).run()
    assert result.finished
    return result.weights


def shown_in_parts(aggregator) -> None:
    """A ledger too long for one message reaches a newcomer in several."""
    rules, size = aggregator.rules, aggregator.history.size
    for since in (0, 1, 17, size - 1, size, size + 5):
        assert extension(aggregator, since) == aggregator.extension(since)
    copy = History(rules)
    while copy.size < size:
        part = open_extension(extension(aggregator, copy.size, most=5000), rules)
        checkpoint = open_checkpoint(part.checkpoint, log_verifier(rules))
        assert checkpoint.size == copy.size + len(part.entries)
        assert len(part.entries) == 1 or 1 < sum(map(len, part.entries)) <= 5000
        verify_consistency(copy.size, checkpoint.size, copy.root, checkpoint.root, part.consistency)
        for entry in part.entries:
            copy.apply(entry)
        assert copy.root == checkpoint.root
    assert copy.root == aggregator.history.root


def silent(*topics: str, sites: tuple[str, ...]):
    """Whatever the sites say on these topics is lost."""

    def trouble(site, request, number):
        if site in sites and topic(request) in topics:
            raise Lost
        return 1, True

    return trouble


def test_a_whole_federation(tmp_path, weights):
    with Consortium(tmp_path) as consortium:
        consortium.start()
        consortium.join()
        shown_in_parts(consortium.host.aggregator)
        assert consortium.audit() == []
        assert (consortium.weights() == weights).all()
        history = consortium.host.aggregator.history
        assert history.refusals == [] and len(history.closed) == 2
        one_slot_one_envelope(consortium.wire.said)


def disturbing(rng: random.Random, share: float):
    """Loses a share of the requests or of their answers, repeats and delays others."""

    def trouble(site, request, number):
        chance = rng.random()
        if chance < share / 2:
            raise Lost
        if chance < share:
            return 1, False
        if chance < 1.2 * share:
            return 2, True
        if chance < 1.4 * share:
            time.sleep(0.02)
        return 1, True

    return trouble


@pytest.mark.parametrize("seed", range(2))
def test_a_wire_that_loses_repeats_and_delays(tmp_path, weights, seed):
    with Consortium(tmp_path) as consortium:
        consortium.wire.trouble = disturbing(random.Random(seed), 0.3)
        consortium.start()
        consortium.join()
        assert consortium.audit() == []
        assert (consortium.weights() == weights).all()
        assert faults(consortium.host.aggregator.history) == []
        one_slot_one_envelope(consortium.wire.said)


def test_two_members_and_more_at_one_site(tmp_path, weights):
    everybody = {f"{role}-{index}": "campus" for role in ("hospital", "verifier") for index in range(3)}
    with Consortium(tmp_path, sites=everybody) as consortium:
        assert consortium.names == [AUDITOR, "campus"]
        consortium.start()
        consortium.join()
        assert consortium.audit() == [] and (consortium.weights() == weights).all()


def test_who_comes_late_to_the_start_and_to_a_round(tmp_path, weights):
    with Consortium(tmp_path) as consortium:
        consortium.start("hospital-0", "hospital-1", AUDITOR)
        consortium.until(lambda: len(consortium.desk.lacking) == 2)
        assert consortium.desk.host is None
        consortium.start("hospital-2")
        consortium.until(lambda: consortium.phase("upload", 1))
        consortium.stop("hospital-2")
        consortium.start("hospital-2")
        consortium.join()
        assert consortium.audit() == [] and (consortium.weights() == weights).all()
        one_slot_one_envelope(consortium.wire.said)


def test_a_hospital_that_never_enrols(tmp_path):
    with Unhurried(tmp_path, FOUR) as consortium:
        consortium.wire.trouble = silent("enrolment", sites=("hospital-2",))
        consortium.absent = lambda history: {"hospital-2"}
        consortium.start()
        consortium.until(lambda: consortium.host_finished)
        consortium.stop(*consortium.names)
        history = consortium.host.aggregator.history
        assert history.phase == "closed" and sorted(history.enrolled) == ["hospital-0", "hospital-1", "hospital-3"]
        assert consortium.noted("deadline", phase="enrolment")
        assert consortium.audit() == []


def test_a_hospital_that_enrols_when_the_rounds_have_begun(tmp_path, monkeypatch):
    monkeypatch.setattr(site, "DATA_PAUSE", 0.1)
    with Unhurried(tmp_path, agreement(hospitals=4, verifiers=5, rounds=3)) as consortium:
        consortium.absent = lambda history: {"hospital-2"} if history.phase == ENROLMENT else ()
        home = Home(tmp_path / "hospital-2" / "home")
        records = home.dataset("hospital-2")
        (home.member("hospital-2") / DATASET).unlink()
        consortium.wire.trouble = silent("upload", sites=("hospital-0",))
        consortium.start()
        consortium.until(lambda: consortium.phase("upload", 1))
        history = consortium.host.aggregator.history
        assert "hospital-2" not in history.round.participants
        home.save_dataset("hospital-2", *records)
        consortium.until(lambda: "hospital-2" in history.acceptable_enrolments())
        consortium.wire.trouble = silent(sites=())
        consortium.join()
        first, second, third = history.closed
        assert first.accepted.record.hospitals == ("hospital-0", "hospital-1", "hospital-3")
        assert third.accepted.record.hospitals == second.accepted.record.hospitals == EVERYBODY
        assert consortium.audit() == []
        one_slot_one_envelope(consortium.wire.said)


def test_who_leaves_in_the_middle_of_a_round_and_comes_back(tmp_path):
    with Unhurried(tmp_path, FOUR) as consortium:
        consortium.wire.trouble = silent("upload", sites=("hospital-1",))
        consortium.start()
        consortium.until(lambda: consortium.phase("upload", 1))
        consortium.stop("hospital-1")
        consortium.wire.trouble = silent(sites=())
        gone = {"hospital-1", "verifier-1"}
        consortium.absent = lambda history: gone if history.position()[0] == 1 else ()
        consortium.until(lambda: consortium.phase("keys", 2))
        consortium.start("hospital-1")
        consortium.join()
        first, second = consortium.host.aggregator.history.closed
        assert first.accepted.record.hospitals == ("hospital-0", "hospital-2", "hospital-3")
        assert second.accepted.record.hospitals == EVERYBODY
        assert consortium.audit() == []
        one_slot_one_envelope(consortium.wire.said)


def test_too_few_at_the_deadline_are_waited_for(tmp_path, weights):
    missing = ("hospital-1", "hospital-2")
    with Unhurried(tmp_path) as consortium:
        consortium.wire.trouble = silent("holder-keys", sites=missing)
        consortium.absent = lambda history: missing if history.phase == KEYS else ()
        consortium.start()
        consortium.until(lambda: consortium.noted("waiting", phase="keys", check="participants"))
        assert consortium.host.stopped is None and consortium.phase("keys", 1)
        consortium.absent = lambda history: ()
        consortium.wire.trouble = silent(sites=())
        consortium.join()
        assert consortium.audit() == [] and (consortium.weights() == weights).all()


@pytest.mark.parametrize("name", sampled(WAITED_FOR, ["beacon-vouch", "upload", "verdict", "share-sum"]))
def test_every_phase_waits_for_enough(tmp_path, name):
    missing = ("hospital-0", "hospital-1", "hospital-2")
    with Unhurried(tmp_path, agreement(rounds=1)) as consortium:
        consortium.wire.trouble = silent(name, sites=missing)
        away = {*missing, "verifier-0", "verifier-1", "verifier-2"}
        consortium.absent = lambda history: away if history.phase != ENROLMENT else ()
        consortium.start()
        consortium.until(lambda: sum(kind == "waiting" for kind, _ in consortium.notes) > 1)
        assert consortium.host.stopped is None
        consortium.absent = lambda history: ()
        consortium.wire.trouble = silent(sites=())
        consortium.join()
        assert consortium.audit() == []
        assert len(consortium.host.aggregator.history.closed[0].accepted.record.hospitals) == 3


def test_a_set_without_all_consents_is_given_up_and_the_round_tried_again(tmp_path):
    with Unhurried(tmp_path, FOUR) as consortium:

        def first_attempt(phases):
            history = consortium.host.aggregator.history
            return history.phase in phases and history.position() == (1, 0)

        def no_consent(site, request, number):
            if site == "hospital-1" and topic(request) == "consent" and first_attempt((CONSENT, ABANDON)):
                raise Lost
            return 1, True

        consortium.wire.trouble = no_consent
        consortium.absent = lambda history: {"hospital-1"} if first_attempt((CONSENT, ABANDON)) else ()
        consortium.start()
        consortium.join()
        first, second = consortium.host.aggregator.history.closed
        assert first.attempt == 1 and second.attempt == 0
        assert first.accepted.record.hospitals == ("hospital-0", "hospital-2", "hospital-3")
        assert second.accepted.record.hospitals == EVERYBODY
        assert consortium.audit() == []


def test_an_idle_site_asks_seldom(tmp_path):
    with Consortium(tmp_path) as consortium:
        consortium.wire.trouble = silent("holder-keys", sites=("hospital-0",))
        consortium.start()
        consortium.until(lambda: consortium.phase("keys", 1))
        time.sleep(1)
        before = consortium.wire.count(Follow)
        time.sleep(2)
        assert consortium.wire.count(Follow) - before <= 16
        consortium.stop(*consortium.names)
