"""A round: keys, uploads, verdicts, shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from proofward.encoding import Length
from proofward.federation.messages.basics.field_types import (
    Binding,
    Check,
    Count,
    Digest,
    MaybeDigest,
    Name,
    Names,
    NumberOfKeys,
    PairSecret,
    Path,
    SealedShares,
    SealingKeys,
    Text,
)
from proofward.federation.messages.basics.record import Message
from proofward.lattice.parameters import MAX_MEMBERS


@dataclass(frozen=True)
class RoundOpened(Message):
    """Aggregator: a (new attempt of a) round from the model object with this digest."""

    kind: ClassVar[str] = "round-opened"
    model: Digest
    participants: Names


@dataclass(frozen=True)
class HolderKeys(Message):
    """Hospital that takes part: a public sealing key for each dealer in this attempt; none if admitted."""

    kind: ClassVar[str] = "holder-keys"
    sealing_keys: SealingKeys


@dataclass(frozen=True)
class HolderKeyRoot(Message):
    """The same where the rules keep keys out of entries: an object with all keys, and their Merkle root.

    keys, root: b"" where number is 0, of who holds nothing
    """

    kind: ClassVar[str] = "holder-key-root"
    keys: MaybeDigest
    root: MaybeDigest
    number: NumberOfKeys

    def objects(self) -> tuple[bytes, ...]:
        """See Message."""
        return (self.keys,) if self.keys else ()

    def lasting(self) -> tuple[bytes, ...]:
        """See Message: keys go with the shares that were sealed to them."""
        return ()


@dataclass(frozen=True)
class KeysClosed(Message):
    """Aggregator: exactly the hospitals, none of them revoked, whose keys are recorded."""

    kind: ClassVar[str] = "keys-closed"
    hospitals: Names


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

    def objects(self) -> tuple[bytes, ...]:
        """See Message."""
        return (self.ciphertext, self.proof, *(digest for digest in self.sealed_shares if digest))

    def lasting(self) -> tuple[bytes, ...]:
        """See Message: all but the sealed shares."""
        return (self.ciphertext, self.proof)


@dataclass(frozen=True)
class OwnCounts(Message):
    """Hospital, of its own accord: its own counts in a round that counts, as the object with this digest."""

    kind: ClassVar[str] = "own-counts"
    counts: Digest

    def objects(self) -> tuple[bytes, ...]:
        """See Message."""
        return (self.counts,)


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

    def subject(self) -> tuple[str, ...]:
        """See Message."""
        return (self.hospital,)


VerdictList = Annotated[tuple[Verdict, ...], Length(1, MAX_MEMBERS)]


@dataclass(frozen=True)
class Verdicts(Message):
    """Verifier: on several uploads, by hospital, where the rules ask for that; one of several parts."""

    kind: ClassVar[str] = "verdicts"
    part: Count
    verdicts: VerdictList

    def subject(self) -> tuple[str, ...]:
        """See Message."""
        return (str(self.part),)


@dataclass(frozen=True)
class VerdictsWidened(Message):
    """Aggregator: exactly the hospitals whose drawn verifiers have not all spoken; all judge them now."""

    kind: ClassVar[str] = "verdicts-widened"
    hospitals: Names


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

    def subject(self) -> tuple[str, ...]:
        """See Message."""
        return (self.dealer,)


@dataclass(frozen=True)
class PlacedComplaint(ShareComplaint):
    """Holder: the same where keys are an object, with the path of that pair's key to its entry's root."""

    kind: ClassVar[str] = "placed-complaint"
    path: Path


@dataclass(frozen=True)
class ComplaintVerdict(Message):
    """Verifier: whether the complaint in the envelope with this digest is right."""

    kind: ClassVar[str] = "complaint-verdict"
    holder: Name
    dealer: Name
    complaint: Digest
    upheld: bool
    detail: Text

    def subject(self) -> tuple[str, ...]:
        """See Message."""
        return (self.holder, self.dealer)


@dataclass(frozen=True)
class SharesChecked(Message):
    """Hospital: ready, with a good share of exactly these dealers; none if admitted, which holds none."""

    kind: ClassVar[str] = "shares-checked"
    dealers: Names


@dataclass(frozen=True)
class AttemptRestarted(Message):
    """Aggregator: exactly the holders whose complaints were dismissed; all starts again without them."""

    kind: ClassVar[str] = "attempt-restarted"
    complainers: Names
