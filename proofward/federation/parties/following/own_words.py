"""What a member has said, as its state and the ledger have it: a state that knows less is one of the past.

Everything a member says is stored before it is sent. So an entry of its own on the ledger that its state does
not know was said by a later state, of which this one is a copy or an earlier snapshot. Its secrets may have
been spent, and what it would say may contradict what was said: it halts.
"""

from __future__ import annotations

from collections.abc import Iterator

from proofward.encoding import decode
from proofward.federation.history.state.slots import slot
from proofward.federation.messages.basics.refusal import Refusal
from proofward.federation.messages.envelope import Envelope
from proofward.federation.messages.records.catalogue import (
    AdmissionVote,
    EndVote,
    KeyRotation,
    RevocationVote,
)
from proofward.federation.messages.records.heads import Word
from proofward.federation.messages.wire import Packet, parse
from proofward.federation.storage.state_store import StateStore

RESTORED = "state-restored"
_REMEDY = "it is of an earlier time, and its secrets may be spent: ask the verifiers to revoke this member"


class OwnWords:
    """The outbox of a member's state, beside the ledger."""

    def __init__(self, name: str, state: StateStore) -> None:
        self._name = name
        self._state = state

    def check(self, envelope: Envelope) -> str:
        """The slot of an entry by this member.

        Raises Refusal when the state has nothing, or something else, on that slot.
        """
        key = "/".join(slot(envelope))
        packet = self._state.sent(key)
        if packet is None:
            raise self._restored(f"no {key}")
        if packet and not isinstance(envelope.record, KeyRotation):
            stored = decode(parse(Packet, packet).envelope, Envelope)
            if stored.body != envelope.body:
                raise self._restored(f"another {key}")
        return key

    def check_word(self, word: Word) -> str:
        """The slot of a message that a view has of this member; raises Refusal as `check` does."""
        packet = self._state.sent(word.slot)
        if packet is None:
            raise self._restored(f"no {word.slot}")
        if packet:
            stored = decode(parse(Packet, packet).envelope, Envelope)
            if stored.said != word.said and not isinstance(stored.record, KeyRotation):
                raise self._restored(f"another {word.slot}")
        return word.slot

    def knows(self, word: Word) -> bool:
        """Whether this member has said that, as far as its state goes."""
        try:
            self.check_word(word)
        except Refusal:
            return False
        return True

    def _restored(self, found: str) -> Refusal:
        return Refusal(RESTORED, self._name, "a state that knows what its member said", f"{found}; {_REMEDY}")

    def unrecorded(self, position: tuple[int, int]) -> Iterator[str]:
        """Slots of what was said in this round and attempt and is not on the ledger.

        The ledger is looked at as far as it was followed. Votes are left out: a member says them in any case.
        """
        for packet in self._state.packets():
            if packet:
                envelope = decode(parse(Packet, packet).envelope, Envelope)
                vote = isinstance(envelope.record, RevocationVote | EndVote | AdmissionVote)
                if (envelope.round, envelope.attempt) == position and not vote:
                    yield "/".join(slot(envelope))
