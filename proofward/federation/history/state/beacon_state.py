"""What has been said of the enrolment beacon."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from proofward.federation.history.state.beacon_sharing import nonce
from proofward.federation.messages.records.catalogue import BeaconDeal, BeaconVouch


@dataclass
class BeaconState:
    """The enrolment beacon. Keys are members' names.

    holders: the enrolled hospitals; missing: so many of them need not vouch for a deal that counts
    dealers: whose deals are closed in; counted: whose nonces make the beacon
    shares: by holder, then by counted dealer; beacon: b"" until it is fixed
    """

    holders: tuple[str, ...] = ()
    missing: int = 1
    deals: dict[str, BeaconDeal] = field(default_factory=dict)
    dealers: tuple[str, ...] = ()
    vouches: dict[str, BeaconVouch] = field(default_factory=dict)
    counted: tuple[str, ...] = ()
    shares: dict[str, dict[str, bytes]] = field(default_factory=dict)
    beacon: bytes = b""

    def needed(self, threshold: int) -> int:
        """Vouches for a deal that counts: of all holders but the missing, and of t + 1 at least."""
        return max(threshold + 1, len(self.holders) - self.missing)

    def countable(self, threshold: int) -> tuple[str, ...]:
        """Exactly the dealers for whom enough holders have vouched."""
        counts = Counter(dealer for vouch in self.vouches.values() for dealer in vouch.dealers)
        return tuple(dealer for dealer in self.dealers if counts[dealer] >= self.needed(threshold))

    def nonces(self, places: dict[str, int], threshold: int) -> dict[str, bytes] | None:
        """The counted dealers' nonces, None while one cannot be opened; `places` of the holders."""
        found = {}
        for dealer in self.counted:
            shares = {
                places[holder]: shown[dealer] for holder, shown in self.shares.items() if dealer in shown
            }
            if len(shares) <= threshold:
                return None
            found[dealer] = nonce(shares, threshold)
        return found
