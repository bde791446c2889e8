"""A ledger anchored on a chain in one process: by anyone, from the ledger alone, and never against it."""

from __future__ import annotations

import pytest

from proofward.chain.anchor import anchor_of
from proofward.chain.errors import NoAnchor, NotAnchored
from proofward.chain.local_node import LocalNode
from proofward.chain.relay import NOTHING_YET, relay, require_continued, state_of, transactions
from proofward.chain.seals import KeySealer, outcome_record, seals_of
from proofward.engines.in_process import Parties
from proofward.federation.history.history import History
from proofward.federation.messages.catalogue import RoundSeal
from proofward.federation.parties.verifier import Verifier
from proofward.ledger.database import Database
from tests.chain.anchored import anchored_plan, federation
from tests.federation.harness import Withholding

pytestmark = pytest.mark.slow


class Garbled(Verifier):
    """Says the seal of another outcome."""

    def say(self, record, *rest, **more):
        if isinstance(record, RoundSeal):
            record = RoundSeal(record.round, record.aggregate, record.weights, record.outcome[:-65] + bytes(65))
        return super().say(record, *rest, **more)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished federation with one verifier that seals something else, and the chain that it is anchored on."""
    folder = tmp_path_factory.mktemp("anchored")
    engine = federation(folder, parties=Parties(verifiers={"verifier-2": Garbled}))
    result = engine.run()
    assert result.finished and not result.refusals and not result.halted
    return folder, replayed(folder)


def replayed(folder) -> History:
    """The ledger's meaning, read from the folder alone."""
    database = Database(folder / "ledger", writable=False)
    entries = [data for _, data in database.rows("SELECT position, data FROM entries ORDER BY position", "entries")]
    database.close()
    from proofward.federation.messages.envelope import parse_envelope
    from proofward.federation.messages.rules import Rules

    history = History(Rules.from_bytes(parse_envelope(entries[0]).record.rules))
    for entry in entries:
        history.apply(entry)
    return history


@pytest.fixture(scope="module")
def anchored(run):
    node = LocalNode()
    return node, list(relay(run[1], node))


def test_everything_due_is_sent_once_and_proved(run, anchored) -> None:
    history, (node, receipts) = run[1], anchored
    assert [receipt.what for receipt in receipts] == ["deploy", "weights of round 1", "round 1", "round 2"]
    state = state_of(history, node)
    assert state.closed == 2 and state.model == history.model and state.deployed
    assert state.size == history.outcomes[2].size and state.root == history.roots[state.size]
    assert list(state.outcomes) == [outcome_record(history.outcomes[number]).struct_hash() for number in (1, 2)]
    assert not list(relay(history, node))


def test_a_seal_over_something_else_is_ignored_with_the_reason(run) -> None:
    found = seals_of(run[1], anchor_of(run[1]), 1)
    assert [seal.number for seal in found.outcome] == [0, 1] and set(found.ignored) == {"verifier-2"}
    lost = seals_of(run[1], anchor_of(run[1]), 1, gone=1)
    assert [seal.number for seal in lost.outcome] == [1] and "lost" in lost.ignored["verifier-0"]


def test_too_few_seals_anchor_nothing_more(run) -> None:
    history = replayed(run[0])
    del history.seals[2, "verifier-0"]
    assert [one.what for one in transactions(history, NOTHING_YET)][-1] == "round 1"


def test_a_rewritten_ledger_is_refused_before_and_by_the_chain(run, anchored) -> None:
    """Under the seals of all: another ledger after the same keys, sent as if it continued the anchored one."""
    history, node = replayed(run[0]), anchored[0]
    state = state_of(history, node)
    history.roots[state.size] = bytes(32)
    with pytest.raises(NotAnchored, match="rewritten"):
        require_continued(history, state)
    with pytest.raises(NotAnchored, match="rewritten"):
        list(relay(history, node))


def test_another_chain_or_none_is_refused_by_name(run, tmp_path) -> None:
    with pytest.raises(NotAnchored, match="number 31337"):
        list(relay(run[1], LocalNode(chain_id=5)))
    history = replayed(run[0])
    history.outcomes.clear()
    with pytest.raises(NoAnchor, match="first round"):
        anchor_of(history)
    history.chain_keys.clear()
    with pytest.raises(NoAnchor, match="verifier-0, verifier-1"):
        anchor_of(history)


def test_seals_that_never_come_hold_nobody_up(tmp_path) -> None:
    """Not one seal arrives: the federation ends as ever, and there is nothing to anchor."""
    engine = federation(tmp_path, anchored_plan(), network=Withholding("verifier", RoundSeal.kind))
    assert engine.run().finished
    history = engine.aggregator.history
    assert not history.seals
    assert [one.what for one in transactions(history, NOTHING_YET)] == ["deploy"]


def test_a_seal_is_made_only_where_there_is_an_anchor(run) -> None:
    from proofward.chain.contract.keys import ChainKey

    sealer, history = KeySealer(ChainKey("p256", (7).to_bytes(32, "big"))), replayed(run[0])
    assert sealer.seal(history, 1) is not None
    history.chain_keys.clear()
    assert sealer.seal(history, 1) is None
