"""One round of a whole federation in one process: real proofs of some hospitals, a stand-in for the others'.

Messages, signatures, ledger, nonces, key shares and their seals, verdicts, sums and the model are real for
all. The stand-in for a proof is the tests' own: a hash, which no verifier of the product accepts.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from _machine import ROOT, peak_memory, reset_peak_memory

from proofward.encoding import decode, encode
from proofward.engines.in_process import FaithfulNetwork, InProcessFederation, Parties
from proofward.engines.remote.hosting.light_phases import SHOWN
from proofward.engines.run_folder import Plan
from proofward.federation.history.proving.proofs import OneByOne, RelationProofs
from proofward.federation.messages.consortium.scaling import (
    AS_OBJECTS,
    EPHEMERAL,
    FINGERPRINTS,
    HEADS,
    TOGETHER,
    Scaling,
)
from proofward.federation.messages.envelope import Envelope
from proofward.federation.messages.light_answers import LightAnswer
from proofward.federation.messages.records.catalogue import Upload
from proofward.federation.messages.records.heads import MAX_HEAD_BYTES, Head
from proofward.federation.messages.wire import MAX_WIRE_BYTES, Extension
from proofward.federation.parties.light_hospital import LightHospital
from proofward.ledger.database import FILE_NAME, Database
from proofward.models.presets import PRESETS
from proofward.report.demonstrations.scenario import demonstration_plan

sys.path.insert(0, str(ROOT))
from tests.federation.committee_plans import with_committees
from tests.federation.fakes import FakeProofs

PRESET = "wdbc"
EVERYBODY, COMMITTEES, LIGHT = "everybody", "committees", "committees, heads"
APART = Scaling(FINGERPRINTS, EPHEMERAL, AS_OBJECTS, verdicts=TOGETHER)
SCALING = {COMMITTEES: APART, LIGHT: replace(APART, follow=HEADS)}
OBJECTS = Path("ledger") / "objects"


@dataclass
class Timed(OneByOne):
    """Real proofs of `real` hospitals, a stand-in for the others; processor seconds of the real ones."""

    real: frozenset[str]
    spent: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    proof_bytes: int = 0

    def _of(self, statement: Any) -> Any:
        return RelationProofs() if statement.hospital in self.real else FakeProofs()

    def _timed(self, name: str, statement: Any, work: Callable[[], Any]) -> Any:
        start = time.process_time()
        found = work()
        if statement.hospital in self.real:
            self.spent[name].append(time.process_time() - start)
        return found

    def prove_enrolment(self, statement: Any, *given: Any) -> Any:
        """See Proofs."""
        return self._timed("enrol", statement, lambda: self._of(statement).prove_enrolment(statement, *given))

    def verify_enrolment(self, statement: Any, proof: bytes) -> Any:
        """See Proofs."""
        return self._of(statement).verify_enrolment(statement, proof)

    def prove_round(self, statement: Any, *given: Any, **more: Any) -> Any:
        """See Proofs."""
        made = self._timed(
            "prove", statement, lambda: self._of(statement).prove_round(statement, *given, **more)
        )
        if statement.hospital in self.real:
            self.proof_bytes = len(made.proof)
        return made

    def verify_round(self, statement: Any, *given: Any) -> Any:
        """See Proofs."""
        own = self._of(statement)
        return self._timed("verify", statement, lambda: own.verify_round(statement, *given))

    def share_is_bound(self, binding: bytes, share: bytes, holder: int) -> bool:
        """See Proofs. Either kind of proof has a binding that the other does not accept."""
        return any(kind.share_is_bound(binding, share, holder) for kind in (RelationProofs(), FakeProofs()))

    def share_values(self, share: bytes) -> Any:
        """See Proofs. A share has one form in both."""
        return RelationProofs().share_values(share)


@dataclass(frozen=True)
class Run:
    """What one round of `hospitals` cost: processor seconds and bytes of all parties together.

    seconds: of the round without the enrolment. real: hospitals with real proofs; prove, verify: seconds of
    one of those proofs, 0 where there are none. object_bytes: what the round has left; with committees sealed
    shares and keys go with their round. run_bytes: ledger, objects and everybody's state. peak_bytes: of the
    process.
    sealed_shares: that were uploaded. topics: number and bytes of the round's entries of each kind
    heads, head_bytes: answers with heads, and their bytes, for one hospital without shares, where it follows
    these; extension_bytes: what one that holds shares was sent of entries
    """

    hospitals: int
    verifiers: int
    way: str
    holders: int
    threshold: int
    sample: int
    real: int
    seconds: float
    ledger_bytes: int
    object_bytes: int
    run_bytes: int
    peak_bytes: int
    sealed_shares: int
    entries: int
    prove: float
    verify: float
    proof_bytes: int
    topics: dict[str, tuple[int, int]]
    heads: int = 0
    head_bytes: int = 0
    extension_bytes: int = 0


def plan_of(preset: str, hospitals: int, verifiers: int, way: str, corrupt: int, absent: int) -> Plan:
    """The consortium; with committees all that the rules have for many hospitals is on."""
    plain = demonstration_plan(PRESETS[preset], hospitals, 1, verifiers, "generated records")
    if way == EVERYBODY:
        return plain
    return replace(with_committees(plain, corrupt, absent), scaling=SCALING[way])


class Counting(FaithfulNetwork):
    """Counts what hospitals are sent in round 1: heads of phases that a host shows, and entries."""

    def __init__(self) -> None:
        self.shown: dict[str, list[int]] = {}
        self.entries: dict[str, int] = {}

    def to_member(self, member: str, message: bytes) -> tuple[bytes, ...]:
        """See Network."""
        if not member.startswith("verifier"):
            said = decode(message, Extension, LightAnswer, max_bytes=MAX_WIRE_BYTES)
            if isinstance(said, Extension):
                self.entries[member] = self.entries.get(member, 0) + len(message)
            elif said.head and decode(said.head, Head, max_bytes=MAX_HEAD_BYTES).phase in SHOWN:
                self.shown.setdefault(member, []).append(len(message))
        return (message,)


def records_of(plan: Plan, rows: int) -> dict[str, tuple[Any, Any]]:
    """Seeded records of every hospital."""
    rng, model = np.random.default_rng(3), plan.config.model
    return {
        name: (
            rng.integers(-64, 64, (rows, model.features), dtype=np.int64),
            rng.integers(0, 2, rows, dtype=np.int64),
        )
        for name in plan.hospitals
    }


def measured(plan: Plan, way: str, real: int, rows: int) -> Run:
    """Runs one round. The proofs of the first `real` hospitals are real."""
    hospitals, verifiers = len(plan.hospitals), len(plan.verifiers)
    reset_peak_memory()
    proofs = Timed(frozenset(plan.hospitals[:real]))
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        network, light = Counting(), dict.fromkeys(plan.hospitals if way == LIGHT else (), LightHospital)
        engine = InProcessFederation(
            run, plan, records_of(plan, rows), seed=b"s", proofs=proofs, workers=1, network=network,
            parties=Parties(light),
        )  # fmt: skip
        engine.run(until=lambda: engine.aggregator.history.current is not None)
        network.entries.clear()
        before, first, objects = time.process_time(), engine.aggregator.history.size, stored(run / OBJECTS)
        if not (result := engine.run()).finished:
            raise RuntimeError(f"a round of {hospitals} did not end: {result.stopped}, {result.refusals[:3]}")
        seconds = time.process_time() - before
        peak, config, entries = peak_memory(), engine.rules.config, round_entries(run / "ledger")
        return Run(
            hospitals,
            verifiers,
            way,
            config.holders,
            config.threshold,
            engine.rules.sample or verifiers,
            real,
            seconds,
            (run / "ledger" / FILE_NAME).stat().st_size,
            stored(run / OBJECTS) - objects,
            stored(run),
            peak,
            shares_of(entries),
            engine.aggregator.history.size - first,
            mean(proofs.spent["prove"]),
            mean(proofs.spent["verify"]),
            proofs.proof_bytes,
            topics_of(entries),
            *followed(network, engine.aggregator.history.closed[0].committee),
        )


def followed(network: Counting, committee: Collection[str]) -> tuple[int, int, int]:
    """Answers with heads and their bytes for a hospital without shares, and bytes of entries for a holder."""
    outside = [sizes for name, sizes in sorted(network.shown.items()) if name not in committee]
    sizes = outside[0] if outside else []
    return len(sizes), sum(sizes), max((network.entries.get(name, 0) for name in committee), default=0)


def round_entries(ledger: Path) -> list[Envelope]:
    """The entries of round 1."""
    database = Database(ledger, writable=False)
    try:
        return [found for entry in database.entries() if (found := decode(entry, Envelope)).round == 1]
    finally:
        database.close()


def topics_of(entries: list[Envelope]) -> dict[str, tuple[int, int]]:
    """Number and bytes of the entries, by kind."""
    found: dict[str, tuple[int, int]] = {}
    for envelope in entries:
        count, size = found.get(envelope.topic, (0, 0))
        found[envelope.topic] = count + 1, size + len(encode(envelope))
    return found


def shares_of(entries: list[Envelope]) -> int:
    """How many sealed shares the uploads name."""
    uploads = [envelope.record for envelope in entries if envelope.topic == Upload.kind]
    return sum(bool(digest) for upload in uploads for digest in upload.sealed_shares)


def stored(folder: Path) -> int:
    """Bytes of all files under it."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def mean(values: list[float]) -> float:
    """Zero for none."""
    return sum(values) / len(values) if values else 0.0
