"""Everything that members say, as typed records; each travels in a signed envelope and becomes an entry.

Digests are 32-byte SHA-256 values: of an object in the ledger's store, or of an envelope's bytes. Tuples of
names are sorted. Who may send which record, and when, is the business of `history`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from proofward.encoding import Length
from proofward.federation.messages.field_types import (
    Binding,
    Check,
    Count,
    Digest,
    Evidence,
    MaybeDigest,
    Name,
    Names,
    PairSecret,
    SealedShares,
    SealingKeys,
    Signature,
    Text,
)


class Message:
    """Base of the records; `kind` is the name on the wire."""

    kind: ClassVar[str] = "message"


@dataclass(frozen=True)
class FederationOpened(Message):
    """Aggregator, entry 0: the consortium's rules, in full."""

    kind: ClassVar[str] = "federation-opened"
    rules: Annotated[bytes, Length(1, 1 << 20)]


@dataclass(frozen=True)
class Enrolment(Message):
    """Hospital: its dataset's size and the proof object that commits to it."""

    kind: ClassVar[str] = "enrolment"
    rows: Count
    features: Count
    proof: Digest


@dataclass(frozen=True)
class EnrolmentVerdict(Message):
    """Verifier: on the enrolment in the envelope with this digest. `check` is "" when accepted."""

    kind: ClassVar[str] = "enrolment-verdict"
    hospital: Name
    enrolment: Digest
    accepted: bool
    check: Check
    detail: Text
    dataset_root: MaybeDigest


@dataclass(frozen=True)
class EnrolmentClosed(Message):
    """Aggregator: exactly the hospitals whose enrolment has enough accepting verdicts."""

    kind: ClassVar[str] = "enrolment-closed"
    hospitals: Names


@dataclass(frozen=True)
class RoundOpened(Message):
    """Aggregator: a (new attempt of a) round from the model object with this digest."""

    kind: ClassVar[str] = "round-opened"
    model: Digest
    participants: Names


@dataclass(frozen=True)
class NonceCommitment(Message):
    """Participant: commitment to its nonce; hospitals add one public sealing key for each dealer."""

    kind: ClassVar[str] = "nonce-commitment"
    commitment: Digest
    sealing_keys: SealingKeys


@dataclass(frozen=True)
class CommitmentsClosed(Message):
    """Aggregator: exactly the participants, none of them revoked, whose commitments are recorded."""

    kind: ClassVar[str] = "commitments-closed"
    participants: Names


@dataclass(frozen=True)
class NonceReveal(Message):
    """Participant: the nonce behind its commitment."""

    kind: ClassVar[str] = "nonce-reveal"
    nonce: Digest


@dataclass(frozen=True)
class AttemptAbandoned(Message):
    """Aggregator: exactly the participants that committed and did not reveal."""

    kind: ClassVar[str] = "attempt-abandoned"
    missing: Names


@dataclass(frozen=True)
class BeaconFixed(Message):
    """Aggregator: the beacon, which everybody recomputes."""

    kind: ClassVar[str] = "beacon-fixed"
    beacon: Digest


@dataclass(frozen=True)
class Upload(Message):
    """Hospital: encrypted update, its proof, a sealed key share per hospital (b"" for itself and the absent).

    model, beacon, dataset_root, rows: what the proof is about, so that stale ones are refused by name.
    """

    kind: ClassVar[str] = "upload"
    model: Digest
    beacon: Digest
    dataset_root: Digest
    rows: Count
    ciphertext: Digest
    proof: Digest
    sealed_shares: SealedShares


@dataclass(frozen=True)
class UploadsClosed(Message):
    """Aggregator: exactly the hospitals whose uploads are recorded."""

    kind: ClassVar[str] = "uploads-closed"
    hospitals: Names


@dataclass(frozen=True)
class Verdict(Message):
    """Verifier: on one upload. dataset_root (the next one) and share_binding are b"" when refused."""

    kind: ClassVar[str] = "verdict"
    hospital: Name
    upload: Digest
    accepted: bool
    check: Check
    detail: Text
    dataset_root: MaybeDigest
    share_binding: Binding


@dataclass(frozen=True)
class VerdictsClosed(Message):
    """Aggregator: exactly the hospitals whose upload has enough accepting verdicts."""

    kind: ClassVar[str] = "verdicts-closed"
    hospitals: Names


@dataclass(frozen=True)
class ShareComplaint(Message):
    """Holder: its share from `dealer` is bad; the pair secret of that single pair lets anybody look."""

    kind: ClassVar[str] = "share-complaint"
    dealer: Name
    upload: Digest
    pair_key: PairSecret


@dataclass(frozen=True)
class ComplaintVerdict(Message):
    """Verifier: whether the complaint in the envelope with this digest is right."""

    kind: ClassVar[str] = "complaint-verdict"
    holder: Name
    dealer: Name
    complaint: Digest
    upheld: bool
    detail: Text


@dataclass(frozen=True)
class SharesChecked(Message):
    """Holder: the dealers from whom it holds a good share; it complains of every other one."""

    kind: ClassVar[str] = "shares-checked"
    dealers: Names


@dataclass(frozen=True)
class AcceptedSet(Message):
    """Aggregator: exactly the hospitals with enough accepting verdicts and no standing complaint."""

    kind: ClassVar[str] = "accepted-set"
    hospitals: Names


@dataclass(frozen=True)
class SetEndorsement(Message):
    """Verifier: the one accepted set of this round that it has seen; a quorum precedes unmasking."""

    kind: ClassVar[str] = "set-endorsement"
    accepted_set: Digest


@dataclass(frozen=True)
class ShareSum(Message):
    """Holder: object with the sum of its shares over the accepted set in the envelope with this digest."""

    kind: ClassVar[str] = "share-sum"
    accepted_set: Digest
    values: Digest


@dataclass(frozen=True)
class Aggregate(Message):
    """Aggregator: the round's result, which everybody recomputes from the recorded uploads and share sums.

    Objects: ciphertext_sum (F-array), secret_sum (int64), update_sum (int64), model (int64, the next
    weights). wrong_holders are those whose share sum does not lie on the polynomial of the others.
    """

    kind: ClassVar[str] = "aggregate"
    holders: Names
    wrong_holders: Names
    ciphertext_sum: Digest
    secret_sum: Digest
    update_sum: Digest
    total_rows: Count
    model: Digest


@dataclass(frozen=True)
class Confirmation(Message):
    """Hospital or verifier: it recomputed the aggregate in the envelope with this digest and agrees."""

    kind: ClassVar[str] = "confirmation"
    aggregate: Digest
    model: Digest


@dataclass(frozen=True)
class RoundClosed(Message):
    """Aggregator: the round is over; the model is the next round's start."""

    kind: ClassVar[str] = "round-closed"
    model: Digest


@dataclass(frozen=True)
class RevocationVote(Message):
    """Verifier about a hospital or verifier, or one of these about itself: it shall take part no more."""

    kind: ClassVar[str] = "revocation-vote"
    member: Name
    reason: Text


@dataclass(frozen=True)
class KeyRotation(Message):
    """Hospital or verifier: its key from the next entry on, and that key's signature of the change."""

    kind: ClassVar[str] = "key-rotation"
    key: Digest
    proof: Signature


@dataclass(frozen=True)
class MessageRefused(Message):
    """Aggregator: an envelope that a member signed and that breaks the rules here, for anybody to judge."""

    kind: ClassVar[str] = "message-refused"
    evidence: Evidence
    check: Check
    culprit: Name
    expected: Text
    actual: Text


@dataclass(frozen=True)
class FederationClosed(Message):
    """Aggregator, last entry: every round is closed; the final model."""

    kind: ClassVar[str] = "federation-closed"
    model: Digest


KINDS: dict[str, type[Message]] = {record.kind: record for record in Message.__subclasses__()}
