"""One round of a whole federation in one process: real proofs of some hospitals, a stand-in for the others'.

Messages, signatures, ledger, nonces, key shares and their seals, verdicts, sums and the model are real for
all. The stand-in for a proof is the tests' own: a hash, which no verifier of the product accepts.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from _machine import ROOT

from proofward.encoding import decode
from proofward.engines.in_process import InProcessFederation
from proofward.engines.run_folder import Plan
from proofward.federation.history.proofs import OneByOne, RelationProofs
from proofward.federation.messages.committees import chosen
from proofward.federation.messages.envelope import Envelope
from proofward.federation.messages.scaling import EPHEMERAL, FINGERPRINTS, Scaling
from proofward.federation.messages.usual import usual_updates, usual_verdicts
from proofward.ledger.database import FILE_NAME, Database
from proofward.models.presets import PRESETS
from proofward.report.scenario import demonstration_plan

sys.path.insert(0, str(ROOT))
from tests.federation.fakes import FakeProofs

ROWS = 90
PRESET = "wdbc"
EVERYBODY, COMMITTEES = "everybody", "committees"


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
    one of those proofs, 0 where there are none. topics: number and bytes of the round's entries of each kind
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
    entries: int
    prove: float
    verify: float
    proof_bytes: int
    topics: dict[str, tuple[int, int]]


def plan_of(hospitals: int, verifiers: int, way: str, corrupt: int, absent: int) -> Plan:
    """The consortium; with committees sums are checked by fingerprints, and shares are ephemeral."""
    plain = demonstration_plan(PRESETS[PRESET], hospitals, 1, verifiers, "generated records")
    if way == EVERYBODY:
        return plain
    committees, threshold = chosen(hospitals, verifiers, corrupt, absent)
    dishonest, missing = committees.corrupt_hospitals(hospitals), committees.hospitals(hospitals).absent
    return replace(
        plain,
        config=replace(plain.config, holders=committees.holders, threshold=threshold),
        committees=committees,
        scaling=Scaling(FINGERPRINTS, EPHEMERAL),
        accepting_verdicts=usual_verdicts(verifiers),
        minimum_updates=usual_updates(hospitals, dishonest),
        abandonments=hospitals - dishonest - missing,
    )


def records_of(plan: Plan, rows: int = ROWS) -> dict[str, tuple[Any, Any]]:
    """Seeded records of every hospital."""
    rng, model = np.random.default_rng(3), plan.config.model
    return {
        name: (
            rng.integers(-64, 64, (rows, model.features), dtype=np.int64),
            rng.integers(0, 2, rows, dtype=np.int64),
        )
        for name in plan.hospitals
    }


def measured(
    hospitals: int, verifiers: int, way: str, real: int, corrupt: int = 10, absent: int = 5, rows: int = ROWS
) -> Run:
    """Runs one round. The proofs of the first `real` hospitals are real."""
    plan = plan_of(hospitals, verifiers, way, corrupt, absent)
    proofs = Timed(frozenset(plan.hospitals[:real]))
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        engine = InProcessFederation(run, plan, records_of(plan, rows), seed=b"s", proofs=proofs, workers=1)
        engine.run(until=lambda: engine.aggregator.history.current is not None)
        before, first, objects = time.process_time(), engine.aggregator.history.size, stored(run)
        if not (result := engine.run()).finished:
            raise RuntimeError(f"a round of {hospitals} did not end: {result.stopped}, {result.refusals[:3]}")
        seconds = time.process_time() - before
        config = engine.rules.config
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
            stored(run) - objects,
            engine.aggregator.history.size - first,
            mean(proofs.spent["prove"]),
            mean(proofs.spent["verify"]),
            proofs.proof_bytes,
            topics_of(run / "ledger"),
        )


def topics_of(ledger: Path) -> dict[str, tuple[int, int]]:
    """Number and bytes of the entries of round 1, by kind."""
    found: dict[str, tuple[int, int]] = {}
    database = Database(ledger, writable=False)
    try:
        for entry in database.entries():
            envelope = decode(entry, Envelope)
            if envelope.round == 1:
                count, size = found.get(envelope.topic, (0, 0))
                found[envelope.topic] = count + 1, size + len(entry)
    finally:
        database.close()
    return found


def stored(run: Path) -> int:
    """Bytes of the objects of a run's ledger."""
    return sum(path.stat().st_size for path in (run / "ledger" / "objects").rglob("*") if path.is_file())


def mean(values: list[float]) -> float:
    """Zero for none."""
    return sum(values) / len(values) if values else 0.0
