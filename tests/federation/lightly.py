"""Federations with hospitals that follow heads, what they are shown, and heads made to order."""

from __future__ import annotations

from dataclasses import dataclass, replace

from proofward.encoding import decode, encode
from proofward.federation.history.complaints import pair_of, published_key
from proofward.federation.messages.head_records import Head, View, sign_head
from proofward.federation.messages.light_answers import HeadSignature, LightAnswer, open_answer
from proofward.federation.messages.scaling import HEADS, Scaling
from proofward.federation.parties.light_check import Known
from proofward.federation.parties.light_hospital import LightHospital
from proofward.ledger.merkle_log import leaf_hash
from tests.federation.committee_plans import committee_plan

PHASES = {"keys", "upload", "shares", "consent", "lock", "abandon"}
"""In which a hospital that holds no shares owes something."""


def heads_plan(rounds=2):
    """The consortium of `committee_plans`, whose verifiers sign heads."""
    return replace(committee_plan(rounds=rounds), scaling=Scaling(follow=HEADS))


class Twofold(LightHospital):
    """Does everything twice before it does it: on the head that it has, and on all entries up to there.

    What it would say is compared, with what it would store and keep, and not said. `whole` gives the state after
    so many entries.
    """

    dry = False

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.compared: set[str] = set()
        self.shown: list[Shown] = []
        self.whole = None

    def _take(self, answer, message):
        if answer.head:
            self.shown.append(Shown(self.name, self._known(), message))
        super()._take(answer, message)

    def say(self, record, attachments=(), facts=None, secrets=None):
        if not self.dry:
            return super().say(record, attachments, facts, secrets)
        place = (*self.history.position(), self.history.size, self.history.root)
        return repr((record, attachments, facts, secrets, place)).encode()

    def seal_share(self, holder, share):
        """In place of what is sealed with fresh randomness: for whom, with which key, and what."""
        if not self.dry:
            return super().seal_share(holder, share)
        pair, key = pair_of(self.history, self.name, holder), published_key(self.history, self.name, holder)
        return repr((pair, key, share)).encode()

    def duties(self):
        if self.follows_lightly and not self._drawn:
            shown, taken = self.history, self._taken
            light = self._owed()
            self._turn_to(self.whole(shown.size))
            self._taken = None
            full = self._owed()
            self._turn_to(shown)
            self._taken = taken
            assert light == full, (self.name, shown.phase, light, full)
            self.compared |= {shown.phase} if light[0] else set()
        yield from super().duties()

    def _owed(self):
        """What is owed, and which secrets are kept."""
        self.dry = True
        try:
            return list(super().duties()), self.kept_secrets() & set(self.state.secrets.names())
        finally:
            self.dry = False


@dataclass(frozen=True)
class Shown:
    """An answer that a hospital has taken, and what it knew before."""

    hospital: str
    known: Known
    message: bytes

    def answer(self, rules) -> LightAnswer:
        return open_answer(self.message, rules)

    def head(self, rules) -> Head:
        return decode(self.answer(rules).head, Head)

    def view(self, rules) -> View:
        return decode(self.answer(rules).view, View)


def signed(answer, head, key_of, count=None):
    """The answer with another head, which the first `count` verifiers sign."""
    names = [said.verifier for said in answer.signatures][:count]
    made = tuple(HeadSignature(name, sign_head(head.digest, key_of(name))) for name in names)
    return replace(answer, head=encode(head), signatures=made)


def with_view(answer, head, view, key_of, count=None):
    """The same with another view, alone under the head."""
    data = encode(view)
    head = replace(head, hospitals=1, views=leaf_hash(data))
    return signed(replace(answer, view=data, place=0, path=()), head, key_of, count)
