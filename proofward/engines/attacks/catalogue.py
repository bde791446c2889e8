"""All attacks by name, with who commits them and what they show."""

from __future__ import annotations

from dataclasses import dataclass

from proofward.engines.attacks import aggregators, hospitals
from proofward.engines.in_process import Parties
from proofward.federation.aggregator import Aggregator
from proofward.federation.hospital import Hospital


@dataclass(frozen=True)
class Attack:
    """One attack; exactly one of the classes is set. `goes_on`: the federation finishes without the
    culprit.
    """

    name: str
    what: str
    hospital: type[Hospital] | None = None
    aggregator: type[Aggregator] | None = None

    @property
    def goes_on(self) -> bool:
        """Whether the rounds go on: not when the aggregator cheats, since members then refuse to."""
        return self.hospital is not None

    def parties(self, attacker: str) -> Parties:
        """The parties' classes; `attacker` is the dishonest hospital, unused when the aggregator cheats."""
        if self.hospital is not None:
            return Parties(hospitals={attacker: self.hospital})
        assert self.aggregator is not None
        return Parties(aggregator=self.aggregator)


_HOSPITALS: tuple[tuple[str, type[Hospital]], ...] = (
    ("flipped-labels", hospitals.FlipsLabels),
    ("skipped-training", hospitals.SkipsTraining),
    ("scaled-update", hospitals.ScalesUpdate),
    ("wrong-row-count", hospitals.InflatesRows),
    ("chosen-batches", hospitals.ChoosesBatches),
    ("replayed-proof", hospitals.ReplaysProof),
    ("copied-proof", hospitals.CopiesProof),
    ("swapped-ciphertext", hospitals.SwapsCiphertext),
    ("wrong-key-share", hospitals.SealsWrongShare),
    ("false-complaint", hospitals.ComplainsFalsely),
    ("wrong-share-sum", hospitals.SumsWrong),
    ("equivocation", hospitals.Equivocates),
)
_AGGREGATORS: tuple[tuple[str, type[Aggregator]], ...] = (
    ("dropped-update", aggregators.DropsUpdate),
    ("altered-update", aggregators.AltersUpdate),
    ("added-update", aggregators.AddsUpdate),
    ("another-model", aggregators.AnnouncesModel),
    ("ledger-rewritten", aggregators.RewritesLedger),
    ("ledger-truncated", aggregators.TruncatesLedger),
)


def _what(party: type[Hospital] | type[Aggregator]) -> str:
    return (party.__doc__ or "").split("\n")[0]


ATTACKS: dict[str, Attack] = {
    **{name: Attack(name, _what(party), hospital=party) for name, party in _HOSPITALS},
    **{name: Attack(name, _what(party), aggregator=party) for name, party in _AGGREGATORS},
}
