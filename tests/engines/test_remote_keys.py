"""Sealing keys as objects over a wire: single keys with their paths, and a holder that sends others than it says."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from proofward.encoding import MalformedMessage
from proofward.engines.remote import site
from proofward.engines.remote.carrying.messages import (
    MOST_PARTS,
    Declined,
    Fetch,
    FetchParts,
    Parts,
    ProvedPart,
    read_answer,
    write,
)
from proofward.engines.remote.carrying.objects import RemoteObjects
from proofward.federation.history.sharing.sealing_keys import key_objects
from proofward.federation.history.state.history_state import KEYS
from proofward.federation.messages.basics.refusal import Refusal
from proofward.federation.messages.consortium.scaling import Scaling
from proofward.federation.messages.records.catalogue import HolderKeyRoot
from proofward.federation.parties.hospital import Hospital
from proofward.federation.storage.parts import Part, Parted
from proofward.lattice.parameters import MAX_MEMBERS
from tests.engines.remote_harness import SERVER, agreement
from tests.engines.unhurried import Unhurried

LIAR = "hospital-1"


class SaysAnotherRoot(Hospital):
    """Publishes a root that its keys do not have."""

    def say(self, record, *given, **named):
        """As it is, but for that."""
        altered = replace(record, root=bytes(32)) if isinstance(record, HolderKeyRoot) else record
        return super().say(altered, *given, **named)


def test_members_fetch_their_own_keys_and_a_holder_without_its_keys_is_not_present(tmp_path, monkeypatch):
    """Beside it: what the host says to who asks for something else, in the same federation."""
    once, asked = iter([True]), []
    monkeypatch.setattr(site, "Hospital", lambda name, *given, **named: (
        SaysAnotherRoot if name == LIAR else Hospital)(name, *given, **named))  # fmt: skip
    agreed = replace(agreement(hospitals=4, verifiers=5, rounds=1),
                     scaling=Scaling(shares="ephemeral", sealing_keys="objects", verdicts="together"))  # fmt: skip
    with Unhurried(tmp_path, agreed) as consortium:
        declined = partial(consortium.noted, "declined", check="sealing-keys", culprit=LIAR)
        consortium.absent = lambda history: {LIAR} if history.phase == KEYS and declined() else ()
        answer = consortium.desk.answer

        def watched(data: bytes) -> bytes:
            if consortium.phase("upload") and next(once, False):
                (known, *_) = key_objects(consortium.host.aggregator.history)
                model = consortium.host.aggregator.history.model
                for digests, place in (((known,), 3), ((known,), 4), ((model,), 0), ((known, bytes(32)), 0)):
                    asked.append(read_answer(answer(write(FetchParts(digests, place)))))
            return answer(data)

        consortium.wire.answer = watched
        consortium.start()
        consortium.until(lambda: consortium.host_finished)
        history = consortium.host.aggregator.history
        (state,) = history.closed
        assert LIAR not in state.present and len(state.accepted.record.hospitals) == 3
        assert declined()
        assert [consortium.wire.count(FetchParts, name) for name in state.present] == [1, 1, 1]
        keys = {said.keys for said in state.holder_keys.values()}
        fetched = {request.digest for _, request in consortium.wire.requests if isinstance(request, Fetch)}
        assert not keys & fetched, "nobody fetches all keys of a holder"
        assert not any(map(consortium.host.aggregator.ledger.has_object, keys))
        assert list((tmp_path / SERVER / "home" / "incoming").iterdir()) == []
        consortium.stop(*consortium.names)
        assert consortium.audit() == [] and {refusal.culprit for refusal in history.refusals} <= {LIAR}
    first, *others = asked
    assert isinstance(first, Parts) and len(first.parts) == 1
    assert [answer.check for answer in others if isinstance(answer, Declined)] == ["object-part", "object", "object"]


def test_requests_and_answers_are_bounded():
    for request in (FetchParts((), 0), FetchParts((bytes(32),) * (MOST_PARTS + 1), 0),
                    FetchParts((bytes(32),), MAX_MEMBERS), FetchParts((bytes(31),), 0)):  # fmt: skip
        with pytest.raises(MalformedMessage):
            write(request)
    with pytest.raises(MalformedMessage):
        write(Parts((ProvedPart(bytes(1217), ()),)))
    with pytest.raises(MalformedMessage):
        write(Parts((ProvedPart(b"k", (bytes(32),) * 17),)))


def test_many_are_asked_for_in_several_requests_and_a_short_answer_is_refused(tmp_path):
    asked, short = [], []

    def ask(request):
        asked.append(len(request.objects))
        return Parts((ProvedPart(b"k", (bytes(32),)),) * (len(request.objects) - len(short)))

    wholes = [Parted(number.to_bytes(32, "big"), bytes(32), 2, 1) for number in range(MOST_PARTS + 1)]
    objects = RemoteObjects(tmp_path, ask)
    assert objects.parts(wholes, 1) == [Part(b"k", (bytes(32),))] * len(wholes)
    assert asked == [MOST_PARTS, 1] and not objects.lacking and objects.store.digests() == []
    short.append(1)
    with pytest.raises(Refusal, match="answer"):
        objects.parts(wholes[:2], 1)
    objects._ask = lambda request: Declined("object-missing", "transport", "it", "nothing")
    assert objects.parts(wholes[:2], 1) == [None, None] and objects.lacking
