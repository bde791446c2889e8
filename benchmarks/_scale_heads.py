"""What it takes to follow heads: answers of full size, made, signed and checked by the product's functions.

The ledger behind them is made up, since nobody has run 5,000 hospitals: as many random leaves as a round has
entries, as many views as hospitals, all verifiers' keys. What a hospital is sent and what it checks is real:
head, its view and the path to it, consistency, a quorum's signatures, the roots of the holders' keys.
"""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any, cast

from proofward.encoding import encode, encode_item
from proofward.engines.remote.hosting.light_phases import SHOWN
from proofward.engines.run_folder import Plan
from proofward.federation.history.light.heads import keys_digest
from proofward.federation.history.light.projection import Projection, published
from proofward.federation.history.state.history_state import ABANDON, UPLOAD
from proofward.federation.history.state.signed_heads import SignedHead, sealing_digest
from proofward.federation.messages.consortium.rules import Member, Rules
from proofward.federation.messages.light_answers import open_answer, sign_answer
from proofward.federation.messages.records.catalogue import (
    BeaconVouch,
    Consent,
    Enrolment,
    HolderKeyRoot,
    HolderKeys,
    Lock,
    SharesChecked,
    Upload,
)
from proofward.federation.messages.records.heads import Head, View, Word, sign_head
from proofward.federation.parties.following.extension import log_verifier
from proofward.federation.parties.following.light_check import Known, check_answer, sealed_to
from proofward.federation.parties.following.light_host import light_answer
from proofward.federation.storage.log_tree import LogTree
from proofward.ledger.checkpoint import sign_checkpoint
from proofward.ledger.keys import SigningKey
from proofward.ledger.merkle_log import leaf_hash, tree_root
from proofward.ledger.note import NoteSigner

ORDER = [phase for phase in SHOWN if phase != ABANDON]
NAME = "hospital-0000"
SAID = (Enrolment, BeaconVouch, HolderKeys, Upload, SharesChecked, Consent, Lock)


@dataclass(frozen=True)
class Followed:
    """A round of a hospital that follows heads and holds no shares, and of the host for it.

    quorum: q of the verifiers sign. heads: answers. bytes: of them, without the roots of the holders' keys.
    seconds: of a processor, to open and check them. answering: of the host, for this hospital. root_bytes: of
    these roots, under which the hospital then fetches its keys as every hospital does
    """

    quorum: int
    heads: int
    bytes: int
    seconds: float
    answering: float
    root_bytes: int


def root_of(plan: Plan) -> bytes:
    """What a holder publishes, whose keys for all hospitals are an object."""
    return encode(HolderKeyRoot(os.urandom(32), os.urandom(32), len(plan.hospitals)))


def followed(plan: Plan, entries: int) -> Followed:
    """One round, in a ledger that has so many entries before it and gets as many in it."""
    made, total, keys, seconds, answering = Made(plan, entries), 0, 0, 0.0, 0.0
    for place, phase in enumerate(ORDER):
        sealing = tuple(map(root_of, [plan] * len(made.committee))) if phase == UPLOAD else ()
        said = made.head(phase, entries + (place + 1) * entries // len(ORDER), sealing)
        before = time.process_time()
        data = made.answer(said, sealing)
        between = time.process_time()
        made.take(data)
        seconds, answering = seconds + time.process_time() - between, answering + between - before
        own = len(encode_item(list(sealing))) - 1
        total, keys = total + len(data) - own, keys + own
    return Followed(made.rules.head_quorum, len(ORDER), total, seconds, answering, keys)


class Made:
    """A ledger that is made up, its host, and a hospital that follows its heads."""

    def __init__(self, plan: Plan, entries: int) -> None:
        self.host = SigningKey.generate(os.urandom)
        self.keys = {name: SigningKey.generate(os.urandom) for name in plan.verifiers}
        self.rules = rules_of(plan, self.keys, self.host)
        self.signer = NoteSigner(log_verifier(self.rules).name, self.host)
        self.entries, self.tree = entries, LogTree()
        for _ in range(2 * entries):
            self.tree.add(os.urandom(32))
        public = {name: key.public.raw for name, key in self.keys.items()}
        self.known = Known(entries, tree_root(entries, self.tree.node), 0, public)
        self.committee = tuple(plan.hospitals[1 : 1 + self.rules.config.holders])

    def answer(self, said: SignedHead, sealing: tuple[bytes, ...]) -> bytes:
        """What the host sends with this head."""
        history = cast(Any, self.history(said))
        made = light_answer(history, self.tree, self.checkpoint, NAME, self.known.size)
        return sign_answer(replace(made, sealing=sealing), self.host, self.rules)

    def history(self, said: SignedHead) -> SimpleNamespace:
        """As much of one as an answer is made of."""
        spoken = {word.slot: ((word.slot,), word.said) for word in words()}
        heads = SimpleNamespace(quorate=lambda quorum: said, rotations=[])
        return SimpleNamespace(rules=self.rules, words={NAME: spoken}, heads=heads, ended=None)

    def checkpoint(self, size: int, root: bytes) -> bytes:
        """The host's, signed."""
        return sign_checkpoint(size, root, self.signer)

    def head(self, phase: str, size: int, sealing: tuple[bytes, ...]) -> SignedHead:
        """A head with its views, signed by all verifiers."""
        view = View(
            NAME, bytes(32), b"", False, words(), (), True, 90, True, os.urandom(32), b"", True, True, True,
            False, (), 0, False, 0, sealing_digest(sealing) if sealing else b"",
        )  # fmt: skip
        tree = LogTree()
        tree.add(leaf_hash(encode(view)))
        for _ in self.rules.hospitals[1:]:
            tree.add(os.urandom(32))
        public = {name: key.public.raw for name, key in self.keys.items()}
        root, rules = tree_root(size, self.tree.node), self.rules
        head = Head(
            consortium=rules.digest, size=size, root=root, clock=size, phase=phase, round=1, attempt=0,
            closed=0, model=os.urandom(32), beacon=os.urandom(32), committee=self.committee, absent=(),
            most_rows=90, accepted=os.urandom(32), accepted_count=rules.minimum_updates, abandoned=(),
            counted=(), verifiers=keys_digest(rules, public), revoked=(), snapshot=os.urandom(32),
            snapshot_size=self.entries, hospitals=len(rules.hospitals), views=tree.root(),
        )  # fmt: skip
        signatures = {name: sign_head(head.digest, key) for name, key in self.keys.items()}
        return SignedHead(head, public, {NAME: encode(view)}, tree, signatures=signatures)

    def take(self, data: bytes) -> None:
        """What the hospital does with it."""
        answer = open_answer(data, self.rules)
        taken = check_answer(self.rules, answer, NAME, self.known)
        assert taken is not None
        holders = sealed_to(taken.head, NAME) if taken.view.sealing else ()
        roots = [published(self.rules, data) for data in taken.sealing]
        Projection(self.rules, taken.head, taken.view, dict(zip(holders, roots, strict=True)), taken.keys)
        self.known = taken.known


def words() -> tuple[Word, ...]:
    """As many as a hospital without shares says in a round, and before the first."""
    slots = sorted("/".join((kind.kind, "1", "0", NAME)) for kind in SAID)
    return tuple(Word(slot, hashlib.sha256(slot.encode()).digest()) for slot in slots)


def rules_of(plan: Plan, keys: dict[str, SigningKey], host: SigningKey) -> Rules:
    """The plan's rules with these members; hospitals have keys of nobody."""
    members = [Member(plan.aggregator, "aggregator", host.public.raw)]
    members += [
        Member(name, "hospital", SigningKey(hashlib.sha256(name.encode()).digest()).public.raw)
        for name in plan.hospitals
    ]
    members += [Member(name, "verifier", key.public.raw) for name, key in keys.items()]
    return Rules(
        federation=plan.federation, members=tuple(sorted(members, key=lambda member: member.name)),
        accepting_verdicts=plan.accepting_verdicts, minimum_updates=plan.minimum_updates,
        abandonments=plan.abandonments, rounds=plan.rounds, config=plan.config, committees=plan.committees,
        scaling=plan.scaling,
    )  # fmt: skip
