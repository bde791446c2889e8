"""Enrolment and the beacon that follows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from proofward.federation.messages.basics.field_types import (
    BeaconShareList,
    Binding,
    Check,
    Count,
    Digest,
    Lines,
    MaybeDigest,
    Name,
    Names,
    SealedShares,
    SealingKey,
    Software,
    Text,
)
from proofward.federation.messages.basics.record import Message


@dataclass(frozen=True)
class Enrolment(Message):
    """Hospital: its dataset's size, the proof object that commits to it, its key for the beacon's shares.

    data_sheet: the site's own words about its records, said and not proved
    software: what it runs, see `parties.equipment.software`, said and not proved
    """

    kind: ClassVar[str] = "enrolment"
    roundless: ClassVar[bool] = True
    rows: Count
    features: Count
    proof: Digest
    beacon_key: SealingKey
    data_sheet: Lines = ()
    software: Software = ()

    def objects(self) -> tuple[bytes, ...]:
        """See Message."""
        return (self.proof,)


@dataclass(frozen=True)
class Attendance(Message):
    """Hospital, where all rounds count: it takes part, with no records; its key for the beacon's shares.

    data_sheet, software: as in an enrolment; of what it counts
    """

    kind: ClassVar[str] = "attendance"
    roundless: ClassVar[bool] = True
    beacon_key: SealingKey
    data_sheet: Lines = ()
    software: Software = ()

    @property
    def rows(self) -> int:
        """Of its enrolled records."""
        return 0


@dataclass(frozen=True)
class EnrolmentVerdict(Message):
    """Verifier: on the enrolment in the envelope with this digest. `check` is "" when accepted."""

    kind: ClassVar[str] = "enrolment-verdict"
    roundless: ClassVar[bool] = True
    hospital: Name
    enrolment: Digest
    accepted: bool
    check: Check
    detail: Text
    dataset_root: MaybeDigest

    def subject(self) -> tuple[str, ...]:
        """See Message."""
        return (self.hospital,)


@dataclass(frozen=True)
class EnrolmentClosed(Message):
    """Aggregator: exactly the hospitals whose enrolment has enough accepting verdicts, or who attend."""

    kind: ClassVar[str] = "enrolment-closed"
    hospitals: Names


@dataclass(frozen=True)
class BeaconDeal(Message):
    """Enrolled hospital or verifier: its nonce for the enrolment beacon, shared among the enrolled hospitals.

    commitments, sealed_shares: a digest for each hospital of the rules, b"" for who gets none
    check: the coefficients of the polynomial u of `history.state.beacon_sharing`, 16 bytes each
    software: what a verifier runs; a hospital has said it when it enrolled
    """

    kind: ClassVar[str] = "beacon-deal"
    commitments: SealedShares
    check: Binding
    sealed_shares: SealedShares
    software: Software = ()

    def objects(self) -> tuple[bytes, ...]:
        """See Message."""
        return tuple(digest for digest in self.sealed_shares if digest)


@dataclass(frozen=True)
class DealsClosed(Message):
    """Aggregator: exactly the dealers whose deals are recorded."""

    kind: ClassVar[str] = "deals-closed"
    dealers: Names


@dataclass(frozen=True)
class BeaconVouch(Message):
    """Enrolled hospital: the dealers from whom it holds a good share."""

    kind: ClassVar[str] = "beacon-vouch"
    dealers: Names


@dataclass(frozen=True)
class VouchesClosed(Message):
    """Aggregator: exactly the dealers for whom enough hospitals have vouched; their nonces count."""

    kind: ClassVar[str] = "vouches-closed"
    dealers: Names


@dataclass(frozen=True)
class BeaconShares(Message):
    """Hospital: its share of each counted dealer's nonce, in their order; b"" where it has not vouched."""

    kind: ClassVar[str] = "beacon-shares"
    shares: BeaconShareList


@dataclass(frozen=True)
class BeaconFixed(Message):
    """Aggregator: the enrolment beacon and the first model's digest, which everybody recomputes."""

    kind: ClassVar[str] = "beacon-fixed"
    beacon: Digest
    model: Digest

    def objects(self) -> tuple[bytes, ...]:
        """See Message."""
        return (self.model,)
