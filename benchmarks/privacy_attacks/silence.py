"""What a proof and the time of clipping say beside what is published: nothing.

T1 lists every line of Python that clipping executes: the same whether anything is clipped or not. Nothing is
timed, and the compiled kernels have no branch (`layers/averaging/clipping`). S1 looks at the opened columns
of a real proof and of a simulated one, which knows no witness. In every real opening they obey the two
identities behind the polynomials p and q. A simulator whose columns do not is told apart at once, and is no
evidence.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import FrameType
from typing import Any

import numpy as np

from privacy_attacks.mechanism import Mechanism
from proofward.data.reading.records import Records
from proofward.layers.averaging.clipping import clipped_multiplier, norm_is_at_most
from proofward.models.settings import Preset
from proofward.proof.commitment.contract import Reader, Writer
from proofward.proof.commitment.ligero.opening import ColumnClaims
from proofward.proof.commitment.ligero.scheme import Ligero
from proofward.proof.commitment.ligero.simulated import OpenedColumns, SimulatedTableau
from proofward.proof.prover import Prover
from proofward.proof.simulator import Simulator
from proofward.proof.transcript import Coins
from proofward.proof.verifier import Verifier
from proofward.relations.records.enrolment import EnrolmentStatement, enrolment, enrolment_plan
from proofward.relations.rules.config import RoundConfig
from proofward.report.comparing.baselines import first_weights

Line = dict[str, object]
_CLIPPING = {"full": 1 << 12, "shift": 10, "bound": 4096}
_HERE = (os.sep + "proofward" + os.sep, os.sep + "privacy_attacks" + os.sep)


def executed(call: Callable[[], object]) -> tuple[int, bytes]:
    """How many lines of this project's Python a call executes, and a hash of which, in their order."""
    digest, count = hashlib.sha256(), 0

    def local(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal count
        if event == "line":
            digest.update(f"{frame.f_code.co_filename}:{frame.f_lineno}\n".encode())
            count += 1
        return local

    def entered(frame: FrameType, event: str, argument: object) -> Any:
        return local if any(part in frame.f_code.co_filename for part in _HERE) else None

    before = sys.gettrace()
    sys.settrace(entered)
    try:
        call()
    finally:
        sys.settrace(before)
    return count, digest.digest()


def _bisects_if_long(update: np.ndarray) -> int:
    """What clipping did at first: the control."""
    if norm_is_at_most(update, *_CLIPPING.values()):
        return _CLIPPING["full"]
    return clipped_multiplier(update, **_CLIPPING)


def clip_times(setup: Preset, records: Records, private: Mechanism) -> Iterator[Line]:
    """T1, of today's rules and of the clipping of each record."""
    short = np.arange(-40, 40, dtype=np.int64)
    cases = {"nothing is clipped": short, "all is clipped": short * 4096}
    weights = first_weights(setup, 1)
    chosen = {"nothing is clipped": records.features * 0, "all is clipped": records.features * 0 + 1000}
    ways: dict[str, tuple[bool, Callable[[str], object]]] = {
        "of an update": (True, lambda case: clipped_multiplier(cases[case], **_CLIPPING)),
        "of an update, only where it is long": (False, lambda case: _bisects_if_long(cases[case])),
        "of each record": (
            True, lambda case: private.update(setup, weights, Records(chosen[case], records.labels)),
        ),
    }  # fmt: skip
    for what, (ours, call) in ways.items():
        call("nothing is clipped")  # what is kept for later is made once
        traces = [executed(lambda case=case: call(case)) for case in cases]  # type: ignore[misc]
        differs = traces[0] != traces[1]
        yield {
            "attack": "T1", "what": f"time of clipping {what}", "sees": "how long a hospital takes",
            "control": not ours, "lines_unclipped": traces[0][0], "lines_clipped": traces[1][0],
            "told_apart": differs, "advantage": float(differs), "limit": {"advantage": 0.0} if ours else None,
            "exceeded": (ours and differs) or (not ours and not differs),
        }  # fmt: skip


class _Looking(Ligero):
    """Notes in how many opened columns the identities behind p and q hold."""

    def _check_columns(self, party: Reader, indices: list[int], claims: ColumnClaims) -> None:
        heard = [
            self._hear_columns(party, commitment, indices, own.shape[1]).columns
            for own, commitment in zip(claims.weights, party.commitments, strict=True)
        ]
        tableaux = [SimulatedTableau(columns.shape[1], self.code.n, os.urandom) for columns in heard]
        for tableau, columns in zip(tableaux, heard, strict=True):
            tableau.columns[indices] = columns
        columns = OpenedColumns(self.code, tableaux, claims.rows, indices)
        columns.agree_with_linear_polynomial(claims)
        columns.agree_with_quotient(claims)
        same = [
            (tableau.columns[indices] == own).all(1) for tableau, own in zip(tableaux, heard, strict=True)
        ]
        party.seen = int(np.logical_and.reduce(same).sum()), len(indices)  # type: ignore[attr-defined]


class _Careless(Ligero):
    """Simulates as protocol 1 did, with columns that agree with V alone: the control."""

    def simulate(self, party: Writer, imitated: Any) -> None:
        names = ("agree_with_linear_polynomial", "agree_with_quotient")
        kept = {name: getattr(OpenedColumns, name) for name in names}
        for name in names:
            setattr(OpenedColumns, name, lambda columns, claims: None)
        try:
            super().simulate(party, imitated)
        finally:
            for name, own in kept.items():
                setattr(OpenedColumns, name, own)


def _holds(plan: Any, told: bytes, script: Callable[[Any], None], coins: bytes) -> tuple[int, int]:
    verifier = Verifier(Coins(coins), replace(plan, scheme=_of(_Looking, plan.scheme)), told)
    script(verifier)
    verifier.scheme.verify(verifier)
    found: tuple[int, int] = verifier.seen  # type: ignore[attr-defined]
    return found


def _of(kind: type[Ligero], scheme: Any) -> Ligero:
    return kind(scheme.code, scheme.vector)


def simulations(setup: Preset, records: Records) -> Iterator[Line]:
    """S1, on an enrolment."""
    config = RoundConfig(setup.model, setup.scales, setup.training, setup.clip_bound, 2, 1)
    statement = EnrolmentStatement(bytes(32), "hospital-0", len(records), setup.model.features, config)
    plan, coins = enrolment_plan(statement), bytes(32)
    careless = replace(plan, scheme=_of(_Careless, plan.scheme))

    def without(party: Any) -> None:
        enrolment(party, statement, None)

    real = Prover(Coins(coins), plan, os.urandom).run(
        lambda party: enrolment(party, statement, (records.features, records.labels))
    )
    truth, columns = _holds(plan, real, without, coins)
    for control, own in ((False, plan), (True, careless)):
        told = Simulator(Coins(coins), own, os.urandom).run(without)
        held, _ = _holds(plan, told, without, coins)
        yield {
            "attack": "S1", "what": "telling a proof from a simulated one", "sees": "all of a proof",
            "control": control, "columns": columns, "hold_in_the_proof": truth, "hold_simulated": held,
            "advantage": abs(truth - held) / columns, "limit": None if control else {"advantage": 0.0},
            "exceeded": (held != truth) != control,
        }  # fmt: skip
