"""Enrolment: each dataset is committed to and judged once, before its hospital's first round.

The first round waits for the hospitals that enrol until `enrolment-closed`; who enrols later takes part from
the first round whose beacon could not be known when its enrolment was recorded: that is before the accepted
set of the round before, whose secrets make the beacon. So its dataset is fixed before the beacon, as
everybody's.

Where all rounds count there are no datasets: a hospital attends, and nobody judges that.
"""

from __future__ import annotations

from proofward.federation.history.state.history_state import ANY_PHASE, DEAL, ENROLMENT, HistoryState, Step
from proofward.federation.history.state.round_state import Recorded
from proofward.federation.history.steps.attestation import require_all, require_evidence
from proofward.federation.messages.basics.refusal import Refusal, describe, require
from proofward.federation.messages.consortium.rules import AGGREGATOR, HOSPITAL, VERIFIER
from proofward.federation.messages.envelope import Envelope
from proofward.federation.messages.records.catalogue import (
    Attendance,
    Enrolment,
    EnrolmentClosed,
    EnrolmentVerdict,
)
from proofward.layers.basics.errors import TrainingError
from proofward.relations.proofs.measure import check_provable

DIGEST_BYTES = 32


def _check_enrolment(history: HistoryState, sender: str, record: Enrolment) -> None:
    config = history.rules.config
    require(not history.rules.counts_only, "attendance", sender, "an attendance", "an enrolment")
    require_evidence(history, sender, HOSPITAL)
    try:
        check_provable(config, record.rows)
    except TrainingError as error:
        expected = f"a number of rows with which every round can be proved: {error}"
        raise Refusal("rows", sender, describe(expected, 400), str(record.rows)) from error
    width = config.model.features
    require(record.features == width, "features", sender, width, record.features)


def _check_attendance(history: HistoryState, sender: str, record: Attendance) -> None:
    require(history.rules.counts_only, "attendance", sender, "an enrolment", "an attendance")
    require_evidence(history, sender, HOSPITAL)


def _apply_attendance(history: HistoryState, envelope: Envelope, record: Attendance) -> None:
    history.attendances[envelope.sender] = Recorded(envelope, record)


def _apply_enrolment(history: HistoryState, envelope: Envelope, record: Enrolment) -> None:
    history.enrolments[envelope.sender] = Recorded(envelope, record)


def _check_verdict(history: HistoryState, sender: str, record: EnrolmentVerdict) -> None:
    said = history.enrolments.get(record.hospital)
    if said is None:
        expected = describe(f"one of {sorted(history.enrolments)}")
        raise Refusal("hospital", sender, expected, describe(record.hospital))
    require(record.enrolment == said.digest, "subject", sender, said.digest, record.enrolment)
    size = DIGEST_BYTES if record.accepted else 0
    require(
        len(record.dataset_root) == size, "verdict", sender, f"a root of {size} bytes", record.dataset_root
    )
    require(
        record.accepted == (record.check == ""), "verdict", sender, "a check's name iff refused", record.check
    )


def _apply_verdict(history: HistoryState, envelope: Envelope, record: EnrolmentVerdict) -> None:
    history.enrolment_verdicts[envelope.sender, record.hospital] = record


def _check_closed(history: HistoryState, sender: str, record: EnrolmentClosed) -> None:
    expected = tuple(history.acceptable_enrolments())
    require(record.hospitals == expected, "enrolled-set", sender, expected, record.hospitals)
    least, holders = history.rules.fewest_enrolled, history.rules.holders_among(expected)
    require(len(holders) >= least, "enrolled-set", sender, f"at least {least} hospitals", holders)
    require_all(history)


def _apply_closed(history: HistoryState, envelope: Envelope, record: EnrolmentClosed) -> None:
    history.eligible = frozenset(record.hospitals)
    history.admit()
    history.fix_draws()
    history.sharing.holders = history.rules.holders_among(record.hospitals)
    history.sharing.missing = history.rules.missing_vouches
    history.phase = DEAL


STEPS: dict[str, Step] = {
    Attendance.kind: Step((HOSPITAL,), ANY_PHASE, _check_attendance, _apply_attendance),
    Enrolment.kind: Step((HOSPITAL,), ANY_PHASE, _check_enrolment, _apply_enrolment),
    EnrolmentVerdict.kind: Step((VERIFIER,), ANY_PHASE, _check_verdict, _apply_verdict),
    EnrolmentClosed.kind: Step((AGGREGATOR,), (ENROLMENT,), _check_closed, _apply_closed),
}
