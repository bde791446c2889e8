"""Federations with hospitals that follow heads, what they are shown, and heads made to order."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from proofward.encoding import decode, encode
from proofward.engines.in_process import InProcessFederation, Parties
from proofward.federation.history.sharing.sealing_keys import pair_of
from proofward.federation.messages.basics.refusal import Refusal
from proofward.federation.messages.consortium.scaling import HEADS, PLAIN, Scaling
from proofward.federation.messages.envelope import Envelope, seal_envelope
from proofward.federation.messages.light_answers import (
    LightAnswer,
    open_answer,
    sign_answer,
)
from proofward.federation.messages.records.heads import (
    Head,
    View,
    sign_head,
)
from proofward.federation.messages.wire import Extension, sign_extension
from proofward.federation.parties.aggregator import Aggregator
from proofward.federation.parties.following.extension import replayed
from proofward.federation.parties.following.light_check import Known, check_answer
from proofward.federation.parties.light_hospital import LightHospital
from proofward.federation.storage.state_store import StateStore
from proofward.ledger.checkpoint import sign_checkpoint
from proofward.ledger.merkle_log import consistency_proof, leaf_hash
from tests.federation.committee_plans import committee_plan
from tests.federation.fakes import FakeProofs, datasets

HOST, ANYBODY, NONE = "aggregator", "transport", b"\1" * 32
PHASES = {"keys", "upload", "shares", "consent", "lock", "abandon"}
"""In which a hospital that holds no shares owes something."""


def heads_plan(rounds=2, sealing_keys=PLAIN.sealing_keys, hospitals=6):
    """The consortium of `committee_plans`, whose verifiers sign heads."""
    scaling = Scaling(follow=HEADS, sealing_keys=sealing_keys)
    return replace(committee_plan(hospitals, rounds=rounds), scaling=scaling)


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
        pair, key = pair_of(self.history, self.name, holder), self.published_keys()[holder]
        return repr((pair, key, share)).encode()

    def duties(self):
        if self.whole is not None and self.follows_lightly and not self._drawn:
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
        self.dry, self._keys = True, None
        try:
            return list(super().duties()), self.kept_secrets() & set(self.state.secrets.names())
        finally:
            self.dry, self._keys = False, None


class Dishonest(Aggregator):
    """Shows the last head as it is not: to each hospital outside of the committee in another way."""

    def light_answer(self, hospital, known):
        answer = open_answer(super().light_answer(hospital, known), self.rules)
        if answer.head and self.history.closed:
            outside = sorted(set(self.rules.hospitals) - set(self.history.closed[0].committee))
            made = (self.another_view, self.another_path, self.few, self.older)[outside.index(hospital)](answer)
            return sign_answer(made, self.key, self.rules)
        if answer.head:
            self.earlier = answer
        return sign_answer(answer, self.key, self.rules)

    def another_view(self, answer):
        heads = self.history.heads.quorate(self.rules.head_quorum)
        name = next(name for name in heads.views if name != answer.hospital)
        return replace(answer, view=heads.views[name], place=heads.places[name], path=heads.path(name))

    def another_path(self, answer):
        return replace(answer, path=(NONE, *answer.path[1:]))

    def few(self, answer):
        """One that as many verifiers have signed as may be corrupt."""
        count = self.rules.corrupt_verifiers
        return replace(answer, signers=answer.signers[:count], signatures=answer.signatures[:count])

    def older(self, answer):
        """One of before, with all its signatures."""
        return replace(self.earlier, hospital=answer.hospital, known=answer.known, consistency=())


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
    return by_verifiers(replace(answer, head=encode(head)), head, answer.signers[:count], key_of)


def by_verifiers(answer, head, places, key_of):
    """The answer with signatures by the verifiers of these places."""
    made = tuple(sign_head(head.digest, key_of(f"verifier-{place}")) for place in places)
    return replace(answer, signers=tuple(places), signatures=made)


def with_view(answer, head, view, key_of, count=None):
    """The same with another view, alone under the head."""
    data = encode(view)
    head = replace(head, hospitals=1, views=leaf_hash(data))
    return signed(replace(answer, view=data, place=0, path=()), head, key_of, count)


class Run:
    """A federation in which all hospitals but the first follow heads where they may."""

    def __init__(self, directory, rounds=1, network=None, compare=False, host=Aggregator, **rules):
        self.directory, agreed = directory, heads_plan(rounds, **rules)
        kinds = Parties(hospitals=dict.fromkeys(agreed.hospitals[1:], Twofold), aggregator=host)
        self.engine = InProcessFederation(
            directory, agreed, datasets(agreed), seed=b"s", proofs=FakeProofs(), parties=kinds,
            network=network, workers=1,
        )  # fmt: skip
        self.rules, self.history = self.engine.rules, self.engine.aggregator.history
        self._whole, self.entries = {}, []
        ledger, append = self.engine.aggregator.ledger, self.engine.aggregator.ledger.append
        ledger.append = lambda data, *more: append(data, *more) if self.entries.append(data) is None else None
        self.light = {name: self.engine.hospitals[name] for name in kinds.hospitals}
        for member in self.light.values():
            member.whole = self.whole if compare else None
        self.result = self.engine.run()
        self.shown = [said for member in self.light.values() for said in member.shown]

    def whole(self, size):
        """The state after so many entries."""
        if size not in self._whole:
            self._whole[size] = replayed(self.rules, self.entries[:size])
        return self._whole[size]

    def key(self, name):
        return self.engine.folder.key(name)

    @property
    def upload(self):
        """An answer with the keys of holders, to a hospital that knew a head."""
        return next(said for said in self.shown if said.answer(self.rules).sealing and said.known.head)

    def refused(self, said, answer, check, culprit=HOST, known=None):
        """Asserts that an answer in place of the one that was taken is refused so."""
        with pytest.raises(Refusal) as found:
            check_answer(self.rules, answer, said.hospital, known or said.known)
        assert (found.value.check, found.value.culprit) == (check, culprit)


def spoken(ran, history, record, sender="verifier-0", role="verifier"):
    place = (*history.position(), history.size, history.root, history.clocks[-1])
    unsigned = Envelope(ran.rules.digest, sender, role, *place, encode(record), b"")
    return seal_envelope(unsigned, ran.key(sender)).data


def member_of(ran, tmp_path, name, entries=0):
    """A hospital with an empty state, or one that has followed so many entries, and what it reports."""
    state, seen = StateStore(tmp_path / "state.sqlite"), []
    with state.transaction():
        state.append(0, ran.entries[:entries])
    around = replace(ran.engine._around(name, FakeProofs()), state=state, observe=seen.append)
    return LightHospital(name, ran.key(name), around, *datasets(heads_plan())[name]), seen


def answer_to(ran, said, known):
    """What was shown, as it is shown to a member that knows so many entries."""
    size = said.head(ran.rules).size
    proof = tuple(consistency_proof(known, size, ran.history.tree.node))
    made = replace(said.answer(ran.rules), known=known, consistency=proof)
    return sign_answer(made, ran.key(HOST), ran.rules)


def extension_to(ran, known, size):
    """The entries from number `known` on, of a ledger of `size`."""
    proof, root = tuple(consistency_proof(known, size, ran.history.tree.node)), ran.history.roots[size]
    noted = sign_checkpoint(size, root, ran.engine.aggregator.signer)
    return sign_extension(Extension(known, tuple(ran.entries[known:size]), noted, proof), ran.key(HOST), ran.rules)


def newcomer(ran, tmp_path, size=None):
    """A hospital that has said nothing yet, with a view of nothing that it has said, at an UPLOAD's head."""
    said = ran.upload
    view = replace(said.view(ran.rules), words=(), sealing=b"", present=False)
    forged = with_view(replace(said.answer(ran.rules), sealing=(), heard=()), said.head(ran.rules), view, ran.key)
    member, seen = member_of(ran, tmp_path, said.hospital)
    head = decode(forged.head, Head)
    proof = tuple(consistency_proof(0, head.size, ran.history.tree.node))
    return member, seen, replace(forged, known=0, consistency=proof), head
