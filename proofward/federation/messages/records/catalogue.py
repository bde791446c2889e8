"""Everything that members say, as typed records; each travels in a signed envelope and becomes an entry.

Digests are 32-byte SHA-256 values: of an object in the ledger's store, or of an envelope's bytes. Tuples of
names are sorted. Who may send which record, and when, is the business of `history`.
"""

from __future__ import annotations

from collections.abc import Iterator

from proofward.federation.messages.basics.record import Message
from proofward.federation.messages.records.attestation import Attestation, AttestationVerdict
from proofward.federation.messages.records.chain import ChainKeySaid, RoundSeal, VerdictReceipt
from proofward.federation.messages.records.enrolment import (
    Attendance,
    BeaconDeal,
    BeaconFixed,
    BeaconShares,
    BeaconVouch,
    DealsClosed,
    Enrolment,
    EnrolmentClosed,
    EnrolmentVerdict,
    VouchesClosed,
)
from proofward.federation.messages.records.fingerprints import Fingerprints
from proofward.federation.messages.records.heads import HeadSigned
from proofward.federation.messages.records.ledger import (
    AdmissionVote,
    EndVote,
    FederationClosed,
    FederationEnded,
    FederationOpened,
    KeyRotation,
    MessageRefused,
    RevocationVote,
)
from proofward.federation.messages.records.noise import NoiseCommitment
from proofward.federation.messages.records.rounds import (
    AttemptRestarted,
    ComplaintVerdict,
    HolderKeyRoot,
    HolderKeys,
    KeysClosed,
    OwnCounts,
    PlacedComplaint,
    RoundOpened,
    ShareComplaint,
    SharesChecked,
    Upload,
    UploadsClosed,
    Verdict,
    Verdicts,
    VerdictsClosed,
    VerdictsWidened,
)
from proofward.federation.messages.records.unmasking import (
    Abandonment,
    AcceptedSet,
    Aggregate,
    Confirmation,
    Consent,
    Lock,
    RoundClosed,
    SetWithdrawn,
    ShareSum,
    StatefulAggregate,
)

__all__ = [
    "KINDS",
    "Abandonment",
    "AcceptedSet",
    "AdmissionVote",
    "Aggregate",
    "AttemptRestarted",
    "Attendance",
    "Attestation",
    "AttestationVerdict",
    "BeaconDeal",
    "BeaconFixed",
    "BeaconShares",
    "BeaconVouch",
    "ChainKeySaid",
    "ComplaintVerdict",
    "Confirmation",
    "Consent",
    "DealsClosed",
    "EndVote",
    "Enrolment",
    "EnrolmentClosed",
    "EnrolmentVerdict",
    "FederationClosed",
    "FederationEnded",
    "FederationOpened",
    "Fingerprints",
    "HeadSigned",
    "HolderKeyRoot",
    "HolderKeys",
    "KeyRotation",
    "KeysClosed",
    "Lock",
    "Message",
    "MessageRefused",
    "NoiseCommitment",
    "OwnCounts",
    "PlacedComplaint",
    "RevocationVote",
    "RoundClosed",
    "RoundOpened",
    "RoundSeal",
    "SetWithdrawn",
    "ShareComplaint",
    "ShareSum",
    "SharesChecked",
    "StatefulAggregate",
    "Upload",
    "UploadsClosed",
    "Verdict",
    "VerdictReceipt",
    "Verdicts",
    "VerdictsClosed",
    "VerdictsWidened",
    "VouchesClosed",
]


def _records(base: type[Message]) -> Iterator[type[Message]]:
    """All that derive from a base, directly or from one another."""
    for record in base.__subclasses__():
        yield record
        yield from _records(record)


KINDS: dict[str, type[Message]] = {record.kind: record for record in _records(Message)}
