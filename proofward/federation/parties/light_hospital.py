"""A hospital that follows heads in place of every entry; what it owes is what every hospital owes.

It reads everything until it has joined and the first round begins, and in the rounds in which it holds
shares: then it works as any other. In all other rounds it takes the newest head that a quorum of verifiers
has signed, with its own view, and does the duties of `Hospital` on this `Projection`. What it has stored
stands beside both: a view that has words of its own which it never stored, and a second set in one round,
are refused as ever. Where only the host says that it has such words, the hospital says nothing before it has
read all entries: its state may be one of the past, and a head that shows it comes too late. So after a start
it says nothing new before the host has said what it has. It confirms nothing, since it has not read what it
would confirm.

Kept durably: the newest answer, and the verifiers' keys at its head. A head that it has taken binds what it
reads later: the entries have to lead to the same head.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from proofward.encoding import MalformedMessage, decode, decode_item, encode_item
from proofward.federation.history.history import History
from proofward.federation.history.light.heads import verifier_keys
from proofward.federation.history.light.projection import Projection, published
from proofward.federation.history.state.history_state import CLOSED, HistoryState
from proofward.federation.history.state.slots import slot
from proofward.federation.messages.basics.clock import in_utc
from proofward.federation.messages.basics.refusal import Refusal
from proofward.federation.messages.envelope import parse_envelope
from proofward.federation.messages.light_answers import LightAnswer, Wanted, open_answer
from proofward.federation.messages.records.heads import Head, View
from proofward.federation.messages.wire import MAX_WIRE_BYTES, Extension, Packet, open_extension, parse
from proofward.federation.parties.following.extension import fresh_entries
from proofward.federation.parties.following.light_check import Known, Taken, check_answer, sealed_to
from proofward.federation.parties.hospital import Hospital
from proofward.federation.storage.log_tree import LogTree
from proofward.ledger.merkle_log import tree_root

ANSWER, KEYS = "light/answer", "light/keys"
WITHHELD = "heads-withheld"


class LightHospital(Hospital):
    """A hospital whose work in a round does not grow with the number of hospitals."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.full = cast(History, self.history)
        self._taken: Taken | None = None
        self._heard: set[tuple[str, bytes]] = set()
        self._ended = self._doubts = self._told = False
        self._reading = -1
        stored, keys = self.state.fact(ANSWER), self.state.fact(KEYS)
        if stored and keys:
            answer = decode(stored, LightAnswer, max_bytes=MAX_WIRE_BYTES)
            known = cast("dict[str, bytes]", decode_item(keys))
            taken = Taken(decode(answer.head, Head), decode(answer.view, View), known, answer.sealing)
            if taken.head.size > self.full.size:
                self._show(taken)

    @property
    def follows_lightly(self) -> bool:
        """Whether what it knows now is a head."""
        return self._taken is not None

    @property
    def wants(self) -> Wanted:
        """See Follower: everything before it has joined and the first round opens, and as a holder.

        Likewise where the host has recorded what it does not know to have said, until it knows that its key
        is changed, which a head shows too late, and for the rest of a round in which no newer head came in
        time. After a start the first question is about more than it knows, so that there is an answer, with
        what the host has recorded.
        """
        history = self.history
        begun = history.current is not None or len(history.closed) > 0
        over = history.current is None and len(history.closed) == self.rules.rounds
        early = not begun or self.name not in history.joined
        late = history.position()[0] == self._reading
        needed = early or late or self._drawn or self._ended or self._doubts or self.identity.changes
        everything = needed or (not self.follows_lightly and (over or not self._told))
        if everything or not self.rules.scaling.heads:
            return Wanted(light=False, known=self.full.size)
        return Wanted(light=True, known=history.size if self._told else self.full.size)

    @property
    def _drawn(self) -> bool:
        """Whether it holds shares in the round under way, for which it has to read everything."""
        current = self.history.current
        return current is not None and self.name in current.committee and self.name in current.participants

    def work(self, message: bytes, more: bool = False) -> Iterator[bytes]:
        """See Follower; takes an extension of the ledger or an answer with a head."""
        if self.halted is not None:
            return
        try:
            if self.rules.scaling.heads and _is_answer(message):
                self._take(open_answer(message, self.rules), message)
            else:
                self._follow(open_extension(message, self.rules))
                self._ended = False  # all entries say so themselves
            if more:
                return
            self.at_end()
        except Refusal as refusal:
            self._refuse(refusal, message)
            return
        yield from (packet for packet in self.resume() if not self._is_heard(packet))

    def at_end(self) -> None:
        """See Follower; not before the host has said, since the start, what it has recorded."""
        if self._told or not self.follows_lightly:
            self._told = True
            super().at_end()

    def resume(self) -> Iterator[bytes]:
        """See Follower; nothing where its state may be one of the past."""
        if not self._doubts:
            yield from super().resume()

    def _take(self, answer: LightAnswer, message: bytes) -> None:
        """Takes an answer; raises Refusal."""
        taken = check_answer(self.rules, answer, self.name, self._known())
        again = self.follows_lightly and not self._told
        self._ended, self._told = answer.ended, True
        self._heard = {(word.slot, word.said) for word in answer.heard}
        self._doubts = not all(map(self._own.knows, answer.heard))
        if taken is not None and not again:  # the first after a start is not from the head that it knows
            self._believe(taken, answer, message)

    def _believe(self, taken: Taken, answer: LightAnswer, message: bytes) -> None:
        """Takes what an answer shows; raises Refusal."""
        if any(said.check == "ledger-view" for said in taken.view.refused):
            seen = f"the ledger that {self.name} was shown"
            raise Refusal("ledger-split", self.rules.aggregator, seen, "another, by the sender's own message")
        own = [self._own.check_word(word) for word in taken.view.words]
        with self.state.transaction():
            self.state.put(ANSWER, message)
            self.state.put(KEYS, encode_item(dict(taken.keys)))
            self.state.put("checkpoint", answer.checkpoint)
            for key in own:
                self.state.forget_sent(key)
        self._show(taken)
        self.erase()

    def _known(self) -> Known:
        if self._taken is not None and self._told:
            return self._taken.known
        full = self.full
        digest = full.heads.digests.get(full.size, b"")
        return Known(full.size, full.root, full.clocks[-1], verifier_keys(full), digest)

    def _show(self, taken: Taken) -> None:
        """From now on it knows a head."""
        holders = sealed_to(taken.head, self.name) if taken.view.sealing else ()
        sealing = {name: published(self.rules, own) for name, own in zip(holders, taken.sealing, strict=True)}
        self._taken = taken
        self._turn_to(Projection(self.rules, taken.head, taken.view, sealing, taken.keys))

    def _turn_to(self, history: HistoryState) -> None:
        self.history = history
        self.identity.follow(history)

    def _follow(self, extension: Extension) -> None:
        """See Follower; the entries have to lead to the head that it knows, and then stand for it."""
        taken, shown = self._taken, self.history
        self._turn_to(self.full)
        try:
            if taken is not None:
                self._require_same(taken.head, fresh_entries(self.full, extension))
            super()._follow(extension)
        finally:
            if taken is not None and self.full.size < taken.head.size:
                self._turn_to(shown)
            else:
                self._taken, self._heard, self._doubts, self._told = None, set(), False, True
        if taken is not None and self._taken is None:
            found = self.full.heads.digests.get(taken.head.size, b"")
            if found != taken.head.digest:
                expected = f"the head {found.hex()} of {taken.head.size} entries"
                raise Refusal("head", self.rules.aggregator, expected, taken.head.digest.hex())

    def _require_same(self, head: Head, fresh: list[bytes]) -> None:
        """Raises Refusal unless the entries are those of the head's ledger, as far as both go."""
        tree = LogTree.over(self.full.tree, fresh)
        if tree.size >= head.size and (root := tree_root(head.size, tree.node)) != head.root:
            raise Refusal("ledger-consistency", self.rules.aggregator, head.root.hex(), root.hex())

    def _is_heard(self, packet: bytes) -> bool:
        """Whether the host has said that it has recorded this already."""
        if not self._heard or not packet:
            return False
        envelope = parse_envelope(parse(Packet, packet).envelope)
        return ("/".join(slot(envelope)), envelope.said) in self._heard

    def duties(self) -> Iterator[bytes]:
        """See Hospital; nothing of what takes a holder of shares before everything is read."""
        if not (self.follows_lightly and self._drawn):
            yield from super().duties()

    def _confirm(self) -> Iterator[bytes]:
        if not self.follows_lightly:
            yield from super()._confirm()

    def _notice_end(self) -> None:
        """See Participant; whether a round can still be finished does not show in a head."""
        if not self.follows_lightly:
            super()._notice_end()

    def expire(self) -> None:
        """See Follower; the time of a phase is up, and no head shows that it has ended."""
        super().expire()
        self.notice_silence()

    def notice_silence(self) -> None:
        """Tells it that the time is up in which there should have been a newer head."""
        if self.follows_lightly and self.history.phase != CLOSED:
            self._withheld(f"a head after {self.history.size} entries, by the deadline")

    def notice_unsigned(self) -> None:
        """Tells it that a newer head lacks signatures: it reads all entries for the rest of this round."""
        self._reading = self.history.position()[0]

    def notice_withheld(self, seen: int) -> None:
        """Tells it that there should be a newer head: a witness, say, has seen a ledger of `seen` entries."""
        if self.follows_lightly and seen > self.history.size and self.history.phase != CLOSED:
            self._withheld(f"a head after {self.history.size} entries, since there are at least {seen}")

    def _withheld(self, expected: str) -> None:
        """Reports it, once for a head: it is no proof, and the member goes on, with all entries."""
        self._reading = self.history.position()[0]
        fact = f"withheld/{self.history.size}"
        if self.halted is not None or self.state.fact(fact) is not None:
            return
        number, attempt = self.history.position()
        since, phase = in_utc(self.history.clocks[-1]), self.history.phase
        found = f"none since {since}, in phase {phase} of round {number}, attempt {attempt}"
        refusal = Refusal(WITHHELD, self.rules.aggregator, expected, found)
        with self.state.transaction():
            self.state.put(fact, f"expected {expected}, found {found}".encode())
        self.report("refused", WITHHELD, refusal=refusal)


def _is_answer(message: bytes) -> bool:
    """Whether a message is an answer with a head; what is malformed is for the extension's checks."""
    try:
        decode(message, LightAnswer, max_bytes=MAX_WIRE_BYTES)
    except MalformedMessage:
        return False
    return True
