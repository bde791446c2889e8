"""Snapshots: a history that goes on from one is the history of everything, at every place of whole ledgers."""

from __future__ import annotations

from dataclasses import fields

import pytest

from proofward.engines.run_folder import RunFolder
from proofward.federation.history.history import History
from proofward.federation.history.progress.schedule import next_record
from proofward.federation.history.saved.fields import BEACON, GROWN, ROUND, STATE
from proofward.federation.history.saved.snapshots import chapter_digests, core, state_digest
from proofward.federation.history.state.beacon_state import BeaconState
from proofward.federation.history.state.history_state import HistoryState
from proofward.federation.history.state.round_state import RoundState
from proofward.federation.messages.basics.refusal import Refusal
from proofward.federation.messages.records.catalogue import RoundClosed
from tests.federation.fakes import plan
from tests.federation.snapshot_cases import Shelf, drawn, entries_of, eventful, private

pytestmark = pytest.mark.slow

PINNED = "983aceee675c7a68861228f743d63f54d6f7d0c54ebe10f83c3dde1005bcb5ce"
EVERY_ENTRY = {"tree", "roots", "clocks", "recorded", "slots", "said"}
WRITTEN_APART = {"rules", "sharing", "current", "earlier", "closed", "ends", "chapters", "core"}
IN_ORDER = {"enrolled", "enrolments", "chain_keys", "attestations", *GROWN}
OF_ENTRIES = {"words", "heads"}
"""These follow: `words` from the slots, `heads` from their digests and the state."""
APART = {"tree", "roots", "rules", "current", "earlier", "closed", "chapters", "core", "heads", "_opened"}


@pytest.fixture(scope="module", params=[eventful, drawn, private])
def ledger(request, tmp_path_factory):
    engine = request.param(tmp_path_factory.mktemp("run") / "run")
    return request.param, engine.rules, entries_of(engine)


def owed(history):
    found = []
    for expired in (False, True):
        try:
            found.append(next_record(history, expired))
        except Refusal as refusal:
            found.append(str(refusal))
    return found


def equal(one: HistoryState, other: HistoryState) -> None:
    """Field by field, as they are and as they are written."""
    for name in set(vars(one)) - APART:
        assert getattr(one, name) == getattr(other, name), name
        if name in IN_ORDER:
            assert list(getattr(one, name)) == list(getattr(other, name)), name
    assert list(one.roots) == list(other.roots)
    for rounds in ("earlier", "closed"):
        assert len(getattr(one, rounds)) == len(getattr(other, rounds))
    assert core(one) == core(other) and one.head_digests == other.head_digests
    assert one.key_changes == other.key_changes
    if other.heads.newest is not None or one.heads.newest is None:
        assert owed(one) == owed(other)
    if one.current is not None:
        equal_rounds(one.current, other.current)


def equal_rounds(one: RoundState, other: RoundState) -> None:
    for name in ROUND:
        assert getattr(one, name) == getattr(other, name), name
    assert one.samples.items() <= other.samples.items() or other.samples.items() <= one.samples.items()


def equal_heads(one, other):
    assert (one.head, one.keys, one.views) == (other.head, other.keys, other.views)


def test_a_history_from_a_snapshot_is_that_of_everything_at_every_place(ledger):
    _, rules, entries = ledger
    shelf, whole, others = Shelf(entries), History(rules), []
    for number, entry in enumerate(entries):
        envelope = whole.apply(entry)
        for other in others[-1:]:
            other.apply(entry)
            assert core(other) == core(whole)
        if number % 29 == 0:
            equal(whole, shelf.restored(rules, shelf.take(whole)))
        if isinstance(envelope.record, RoundClosed):
            others.append(shelf.restored(rules, shelf.take(whole)))
            assert others[-1].closed.read == 0, "no closed round is read before somebody asks"
            if rules.scaling.heads:
                equal_heads(whole.heads.newest, others[-1].heads.newest)
                assert whole.heads.newest.head.snapshot == shelf.newest
    for other in others:
        for entry in entries[other.size :]:
            other.apply(entry)
        equal(whole, other)
        if rules.scaling.heads:
            equal_heads(whole.heads.newest, other.heads.newest)
        for rounds in ("earlier", "closed"):
            for left, right in zip(getattr(whole, rounds), getattr(other, rounds), strict=True):
                equal_rounds(left, right)
        kept, other.chapters = chapter_digests(other), []
        assert chapter_digests(other) == kept == chapter_digests(whole)
        assert state_digest(other) == state_digest(whole)


def test_these_ledgers_use_every_field(ledger):
    """So that no codec is one for nothing."""
    made, rules, entries = ledger
    history = History(rules)
    for entry in entries:
        history.apply(entry)
    new = HistoryState(rules)
    used = {name for name in (*STATE, *GROWN) if getattr(history, name) != getattr(new, name)}
    if made is eventful:
        rare = {"attendances", "abandoned", "left_out", "server_state", "snapshot", "head_digests", "key_changes"}
        assert set(STATE) | set(GROWN) == used | rare | {"noise_roots", "own_counts", "releases"}
        assert history.earlier[0].complaint_verdicts and history.closed[0].receipts
    if made is drawn:
        assert history.closed[0].fingerprints and history.closed[0].samples
        assert history.key_changes and any(state.widened for state in (*history.earlier, *history.closed))
        assert history.abandoned and history.earlier[0].withdrawn and history.earlier[0].abandonments
    if made is private:
        assert {"noise_roots", "own_counts", "releases"} <= used


def test_the_encoding_stays(tmp_path):
    """Heads name digests of it: another encoding takes another version, and rules that say so."""
    history = History(RunFolder(tmp_path / "run", b"s").rules(plan(4, 3, 2, threshold=1)))
    history.phase, history.latest, history.beacon, history.left_out = "between rounds", 7, bytes(32), {"b", "a"}
    history.enrolled, history.dataset_roots = {"b": 2, "a": 1}, {"b": bytes(32), "a": bytes(32)}
    history.abandoned, history.revoked_in, history.snapshot = {bytes(32)}, [(1, "a")], (bytes(32), 5)
    history.sharing.holders, history.sharing.missing = ("a", "b"), 2
    history.noise_roots[1, "a"], history.own_counts[2, "a"] = (bytes(32),), bytes(32)
    history.proofs[bytes(32)], history.lasting[bytes(32)] = ("a", 1), None
    history.current = RoundState(1, 0, bytes(32), ("a", "b"), bytes(32), ("a",))
    history.current.widened.update(("b", "a"))
    assert state_digest(history).hex() == PINNED
    assert state_digest(History(history.rules)) != state_digest(history)


def test_every_field_of_the_state_is_written(ledger):
    _, rules, _ = ledger
    nested = {"head_digests", "key_changes"}
    written = {*STATE, *GROWN, *EVERY_ENTRY, *WRITTEN_APART, *OF_ENTRIES}
    assert set(vars(HistoryState(rules))) == written - nested
    assert {own.name for own in fields(RoundState)} == {*ROUND, "samples", "_ready"}
    assert {own.name for own in fields(BeaconState)} == set(BEACON)
    assert HistoryState.growing == tuple(GROWN)
