"""How many weights were read of a file, each as often as a layer has it: many layers may share large ones."""

from __future__ import annotations

from dataclasses import dataclass

from proofward.models.graph.parts.refusals import ImportRefused

MOST_WEIGHTS = 1 << 26


@dataclass
class WeightsRead:
    """count: so far."""

    count: int = 0

    def take(self, count: int) -> None:
        """Counts more; raises ImportRefused for too many."""
        self.count += count
        if self.count > MOST_WEIGHTS:
            raise ImportRefused([f"layers of more than {MOST_WEIGHTS} weights in all"])
