"""What has been said in one round, and the counts that decide: verdict quorums and standing complaints."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from proofward.federation.history.state.votes import Votes
from proofward.federation.messages.envelope import Envelope
from proofward.federation.messages.records.catalogue import (
    Abandonment,
    AcceptedSet,
    Aggregate,
    ComplaintVerdict,
    Confirmation,
    Consent,
    EnrolmentVerdict,
    HolderKeyRoot,
    HolderKeys,
    Lock,
    Message,
    ShareComplaint,
    SharesChecked,
    ShareSum,
    Upload,
    Verdict,
    VerdictReceipt,
)

M = TypeVar("M", bound=Message)


@dataclass(frozen=True)
class Recorded(Generic[M]):
    """A recorded message with its envelope."""

    envelope: Envelope
    record: M

    @property
    def digest(self) -> bytes:
        """Digest of the envelope."""
        return self.envelope.digest


@dataclass(frozen=True)
class Finding:
    """What enough verifiers found alike: the next dataset root, and the binding of the key shares."""

    dataset_root: bytes
    share_binding: bytes


def enrolment_root(
    verdicts: Votes[tuple[str, str], EnrolmentVerdict], hospital: str, quorum: int
) -> bytes | None:
    """The dataset root that at least `quorum` verifiers accept for a hospital, else None."""
    said = verdicts.about(hospital).values()
    counts = Counter(record.dataset_root for record in said if record.accepted)
    return next((root for root, count in counts.items() if count >= quorum), None)


@dataclass
class RoundState:
    """One attempt of one round. Keys are members' names; complaints are keyed (holder, dealer).

    participants: who was asked; present: the hospitals whose keys are recorded; passed: accepted by k
    verifiers withdrawn: for whom an accepted set was given up
    fingerprints: keyed (verifier, hospital)
    committee: who holds shares of keys, ascending; samples: who was drawn for hospitals' proofs, once asked
    drawable: of whom these were drawn: hospitals and verifiers
    widened: hospitals whose proof all verifiers judge since some of those drawn were silent
    """

    number: int
    attempt: int
    model: bytes
    participants: tuple[str, ...]
    beacon: bytes
    committee: tuple[str, ...] = ()
    drawable: frozenset[str] = frozenset()
    samples: dict[str, tuple[str, ...]] = field(default_factory=dict)
    widened: set[str] = field(default_factory=set)
    holder_keys: dict[str, HolderKeys | HolderKeyRoot] = field(default_factory=dict)
    present: tuple[str, ...] = ()
    uploads: dict[str, Recorded[Upload]] = field(default_factory=dict)
    uploaded: tuple[str, ...] = ()
    verdicts: Votes[tuple[str, str], Verdict] = field(default_factory=Votes)
    passed: dict[str, Finding] = field(default_factory=dict)
    receipts: dict[tuple[str, str], VerdictReceipt] = field(default_factory=dict)
    complaints: Votes[tuple[str, str], Recorded[ShareComplaint]] = field(default_factory=Votes)
    complaint_verdicts: Votes[tuple[str, str, str], ComplaintVerdict] = field(default_factory=Votes)
    checked: dict[str, SharesChecked] = field(default_factory=dict)
    accepted: Recorded[AcceptedSet] | None = None
    consents: dict[str, Consent] = field(default_factory=dict)
    locks: dict[str, Lock] = field(default_factory=dict)
    withdrawn: tuple[str, ...] = ()
    abandonments: dict[str, Abandonment] = field(default_factory=dict)
    share_sums: dict[str, ShareSum] = field(default_factory=dict)
    aggregate: Recorded[Aggregate] | None = None
    fingerprints: Votes[tuple[str, str], bytes] = field(default_factory=Votes)
    confirmations: dict[str, Confirmation] = field(default_factory=dict)
    _ready: tuple[tuple[int, tuple[str, ...]], tuple[str, ...]] | None = field(
        default=None, init=False, repr=False, compare=False
    )

    def finding(self, hospital: str, quorum: int) -> Finding | None:
        """What at least `quorum` verifiers accept alike for a hospital's upload, else None."""
        counts = Counter(
            Finding(record.dataset_root, record.share_binding)
            for record in self.verdicts.about(hospital).values()
            if record.accepted
        )
        return next((found for found, count in counts.items() if count >= quorum), None)

    def complaint_outcome(self, holder: str, dealer: str, quorum: int) -> bool | None:
        """True when a quorum upholds the complaint, False when a quorum dismisses it.

        Otherwise None: the complaint stands.
        """
        votes = [record.upheld for record in self.complaint_verdicts.about(holder, dealer).values()]
        if votes.count(True) >= quorum:
            return True
        return False if votes.count(False) >= quorum else None

    def blamed(self, quorum: int) -> set[str]:
        """Dealers against whom a complaint stands or is upheld."""
        return {
            dealer
            for holder, dealer in self.complaints
            if self.complaint_outcome(holder, dealer, quorum) is not False
        }

    def acceptable(self, quorum: int) -> tuple[str, ...]:
        """Exactly the hospitals whose updates the sum must contain: passed, ready, and not blamed."""
        return tuple(sorted((set(self.passed) & set(self.checked)) - self.blamed(quorum)))

    def gone(self) -> set[str]:
        """Who takes no part in the next attempt: who has not consented, or not abandoned the set."""
        if not self.withdrawn:
            return set()
        return set(self.withdrawn) | (set(self.present) - set(self.abandonments))

    def false_complainers(self, quorum: int) -> tuple[str, ...]:
        """Holders whose complaints a quorum has dismissed."""
        false = {
            holder
            for holder, dealer in self.complaints
            if self.complaint_outcome(holder, dealer, quorum) is False
        }
        return tuple(sorted(false))

    def ready_holders(self, hospitals: tuple[str, ...]) -> tuple[str, ...]:
        """Holders that said they have a good share of every one of `hospitals`.

        It is remembered: nobody says twice which shares it holds.
        """
        asked = len(self.checked), hospitals
        if self._ready is None or self._ready[0] != asked:
            wanted = set(hospitals)
            ready = sorted(name for name, said in self.checked.items() if wanted <= set(said.dealers))
            self._ready = asked, tuple(ready)
        return self._ready[1]
