"""The rules under which poison is tried: weightings of updates, and the clipping of each record.

Exact rules train in many small steps. Those that clip each record take one step a round on all records;
without noise no rules may be like that, and it shows what the clipping does by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from privacy_attacks.federation import Seen, follow
from privacy_attacks.mechanism import RELEASES, Mechanism, with_epsilon, without_noise

from proofward.data.reading.records import Records
from proofward.layers.averaging.weighting import BY_RECORDS, CAPPED, ROOT, Weighting
from proofward.models.settings import Preset

CAP = 60
ROUNDS = 15
"""Of exact rules; those with epsilon have RELEASES in their place."""


@dataclass(frozen=True)
class Rules:
    """name: what lines call them. private: the mechanism that clips each record, None of exact rules."""

    name: str
    weighting: Weighting = BY_RECORDS
    private: Mechanism | None = None

    def run(self, setup: Preset, hospitals: Sequence[Records], rounds: int, seed: int) -> Seen:
        """A federation of so many rounds, or of as many as may be released."""
        if self.private is not None:
            releases = max(1, rounds * RELEASES // ROUNDS)
            return follow(setup, hospitals, releases, seed, private=self.private)
        return follow(setup, hospitals, rounds, seed, weighting=self.weighting)


def all_rules(parameters: int, few: bool = False) -> list[Rules]:
    """Those without noise, then those with less and less epsilon; `few` leaves some out."""
    exact = [Rules("records"), Rules("capped", Weighting(CAPPED, CAP)), Rules("root", Weighting(ROOT))]
    clipped = [Rules("each record clipped", private=without_noise(parameters))]
    private = [Rules(f"epsilon {own}", private=with_epsilon(own, parameters)) for own in (8, 3)]
    return [exact[0], exact[1], private[0]] if few else [*exact, *clipped, *private]
