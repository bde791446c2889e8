"""A member's signing keys: which one is in force, the change to another, and what was signed before it.

The ledger says which key is in force. Until it says so of the next one, the member owes the change, before
anything else. What it had stored and the ledger had not recorded by then is signed again: the ledger takes
nothing under the earlier key any more, so that of two envelopes on one slot only one can be recorded.
"""

from __future__ import annotations

from dataclasses import replace

from proofward.encoding import decode, encode
from proofward.federation.history.state.history_state import ANY_PHASE, HistoryState
from proofward.federation.history.steps.membership import rotation
from proofward.federation.messages.basics.clock import CLOCK_SLACK, Clock, system_clock
from proofward.federation.messages.basics.refusal import Refusal, describe, require
from proofward.federation.messages.envelope import Envelope, seal_envelope, signed_by
from proofward.federation.messages.records.catalogue import HeadSigned, KeyRotation
from proofward.federation.messages.records.heads import sign_head
from proofward.federation.messages.wire import Packet, parse
from proofward.federation.storage.state_store import StateStore
from proofward.ledger.keys import PublicKey, SigningKey


class Identity:
    """The keys that a member was started with, and what follows from its copy of the ledger."""

    def __init__(
        self,
        name: str,
        key: SigningKey,
        next_key: SigningKey | None,
        history: HistoryState,
        state: StateStore,
        clock: Clock = system_clock,
    ) -> None:
        """Raises Refusal when none of the keys can be the member's."""
        self._name = name
        self._held = (key,) if next_key is None else (key, next_key)
        self._history = history
        self._state = state
        self._clock = clock
        awaited = name not in history.keys  # a hospital that is not admitted yet
        if self._present() is None and not awaited and not self._asked(key):
            raise self._replaced("key")
        if next_key is not None and self._present() is key:
            owner = history.used_keys.get(next_key.public.raw)
            require(owner is None, "key-used", name, "a key that nobody has or had", f"one of {owner}")

    def follow(self, history: HistoryState) -> None:
        """From now on this is what the member knows of the ledger."""
        self._history = history

    @property
    def key(self) -> SigningKey:
        """The key to sign with; the one given first when the ledger has another than those given."""
        return self._present() or self._held[0]

    @property
    def changes(self) -> bool:
        """Whether the ledger, as far as this member knows it, does not have the key to change to yet."""
        wanted = self._held[-1].public.raw
        return len(self._held) > 1 and wanted not in self._history.used_keys and self._present() is not None

    def owed_rotation(self) -> KeyRotation | None:
        """The change of key that has to be recorded before anything else, if any.

        Raises Refusal when the key in force is not at hand.
        """
        present, wanted = self._present(), self._held[-1]
        if self._name not in self._history.keys:
            return None
        if present is None:
            raise self._replaced("key-replaced")
        used = wanted.public.raw in self._history.used_keys
        if used or self._history.phase not in ANY_PHASE:
            return None
        return rotation(self._history.rules.digest, self._name, present.public.raw, wanted)

    def renewed(self, slot: str) -> bytes | None:
        """The packet stored on a slot, signed again if its key or its time will not do any more.

        It is b"" when the ledger has recorded it. A time will not do when the clock that gave it was wrong
        and has been set since.
        """
        packet = self._state.sent(slot)
        member = self._history.find(self._name)
        if not packet or member is None:
            return packet
        parsed = parse(Packet, packet)
        envelope = decode(parsed.envelope, Envelope)
        present = self.key.public.raw == member.key or signed_by(envelope, self.key.public)
        if present and self._timely(envelope):
            return packet
        if not present and isinstance(envelope.record, KeyRotation):
            change = self.owed_rotation()
            envelope = envelope if change is None else replace(envelope, body=encode(change))
        if not present and isinstance(envelope.record, HeadSigned):
            signed = replace(envelope.record, signature=sign_head(envelope.record.head, self.key))
            envelope = replace(envelope, body=encode(signed))
        if not self._timely(envelope):
            envelope = replace(envelope, time=self._clock())
        again = seal_envelope(replace(envelope, signature=b""), self.key)
        packet = encode(replace(parsed, envelope=again.data))
        with self._state.transaction():
            self._state.replace_sent(slot, packet)
        return packet

    def _timely(self, envelope: Envelope) -> bool:
        """Whether an envelope's time is one that this member's clock could have given it."""
        least = self._history.clocks[min(envelope.seen_size, self._history.size)]
        return least - CLOCK_SLACK <= envelope.time <= self._clock() + CLOCK_SLACK

    def _present(self) -> SigningKey | None:
        """Which of the keys the ledger has, as far as this member has followed it."""
        known = self._history.keys.get(self._name)
        return next((key for key in self._held if key.public.raw == known), None)

    def _asked(self, key: SigningKey) -> bool:
        """Whether this member has stored a change to that key: its copy of the ledger may lag behind."""
        return self._state.sent("/".join((KeyRotation.kind, self._name, key.public.raw.hex()))) is not None

    def _replaced(self, check: str) -> Refusal:
        found = ", ".join(key.public.fingerprint for key in self._held)
        known = PublicKey(self._history.keys[self._name]).fingerprint
        return Refusal(check, self._name, f"the key that the ledger has, {known}", describe(found))
