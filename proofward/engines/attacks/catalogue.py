"""All attacks by name, with who commits them and what they show."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from proofward.engines.attacks import (
    aggregators,
    count_noise,
    dealers,
    flatterers,
    hospitals,
    machines,
    spenders,
    verifiers,
    withholding,
)
from proofward.engines.attacks.other_rules import (
    as_demonstrated,
    drawn,
    ephemeral,
    evaluated,
    fingerprinted,
    followed,
    noisy,
    private,
    private_and_small,
)
from proofward.engines.in_process import Parties
from proofward.engines.run_folder import Plan
from proofward.federation.parties.aggregator import Aggregator
from proofward.federation.parties.hospital import Hospital
from proofward.federation.parties.verifier import Verifier

VERIFIER = "verifier-1"


@dataclass(frozen=True)
class Attack:
    """An attack, by the class of the dishonest party.

    A dishonest verifier may have a hospital to help it; else exactly one of the classes is set. `goes_on`:
    the federation finishes in spite of the culprit.

    rules: makes the consortium's plan of a demonstration's, and of the rows of its largest hospital.
    beside: classes of hospitals that follow the rules, by name. hospitals: how many there have to be, 0 where
    any number will do. rounds: how many of training it takes. unseen: the ledger does not show it, and the
    federation finishes without those that it is done to.
    """

    name: str
    what: str
    hospital: type[Hospital] | None = None
    aggregator: type[Aggregator] | None = None
    verifier: type[Verifier] | None = None
    rules: Callable[[Plan, int], Plan] = as_demonstrated
    beside: Mapping[str, type[Hospital]] = field(default_factory=dict)
    hospitals: int = 0
    rounds: int = 1
    unseen: bool = False

    @property
    def goes_on(self) -> bool:
        """Whether the rounds go on: not when the aggregator cheats all, since members then refuse to."""
        return self.aggregator is None or self.unseen

    def culprit(self, hospital: str, verifier: str, aggregator: str) -> str:
        """Which of these members is to be blamed."""
        if self.verifier is not None:
            return verifier
        return aggregator if self.hospital is None else hospital

    def parties(self, attacker: str, verifier: str = VERIFIER) -> Parties:
        """The parties' classes, by the names of the dishonest ones.

        `attacker` is the dishonest hospital and `verifier` the dishonest verifier; a name is unused when its
        party is honest.
        """
        return Parties(
            hospitals={**self.beside, **({} if self.hospital is None else {attacker: self.hospital})},
            verifiers={} if self.verifier is None else {verifier: self.verifier},
            aggregator=self.aggregator or Aggregator,
        )


_HOSPITALS: tuple[tuple[str, type[Hospital]], ...] = (
    ("flipped-labels", hospitals.FlipsLabels),
    ("skipped-training", hospitals.SkipsTraining),
    ("scaled-update", hospitals.ScalesUpdate),
    ("wrong-row-count", hospitals.InflatesRows),
    ("chosen-batches", hospitals.ChoosesBatches),
    ("replayed-proof", hospitals.ReplaysProof),
    ("copied-proof", hospitals.CopiesProof),
    ("swapped-ciphertext", hospitals.SwapsCiphertext),
    ("wrong-beacon-share", hospitals.ShowsWrongNonce),
    ("wrong-key-share", hospitals.SealsWrongShare),
    ("re-blinded-share", dealers.ReblindsShare),
    ("exchanged-share", dealers.ExchangesShare),
    ("shifted-share", dealers.ShiftsShare),
    ("shifted-shares", dealers.ShiftsShares),
    ("exchanged-shares", dealers.ExchangesShares),
    ("shares-of-another-key", dealers.SharesAnotherKey),
    ("re-sealed-shares", dealers.ResealsShares),
    ("re-blinded-after-proof", dealers.ReblindsAfterProof),
    ("false-complaint", hospitals.ComplainsFalsely),
    ("double-consent", hospitals.ConsentsTwice),
    ("wrong-share-sum", hospitals.SumsWrong),
    ("equivocation", hospitals.Equivocates),
)
_PRIVATE: tuple[tuple[str, type[Hospital]], ...] = (
    ("skipped-noise", hospitals.SkipsNoise),
    ("noise-drawn-again", hospitals.DrawsNoiseAgain),
    ("unclipped-records", hospitals.LeavesUnclipped),
    ("scaled-beyond-bound", hospitals.ScalesClipped),
)
_EVALUATED: tuple[tuple[str, type[Hospital]], ...] = (
    ("forgotten-error", flatterers.ForgetsOneError),
    ("another-part-counted", flatterers.CountsAnotherPart),
    ("another-level", flatterers.MovesToAnotherLevel),
)
_NOISY: tuple[tuple[str, type[Hospital]], ...] = (
    ("skipped-count-noise", count_noise.SkipsCountNoise),
    ("count-noise-drawn-again", count_noise.DrawsCountNoiseAgain),
)
_DRAWN: tuple[tuple[str, str, type[Hospital]], ...] = (
    (
        "committee-member-lying",
        "Returns a wrong sum of key shares, as one of the committee that is drawn to hold them.",
        hospitals.SumsWrong,
    ),
    (
        "committee-member-silent",
        "Returns no sum of key shares, as one of the committee that is drawn to hold them.",
        hospitals.FallsSilent,
    ),
)
_AGGREGATORS: tuple[tuple[str, type[Aggregator]], ...] = (
    ("dropped-update", aggregators.DropsUpdate),
    ("altered-update", aggregators.AltersUpdate),
    ("added-update", aggregators.AddsUpdate),
    ("another-model", aggregators.AnnouncesModel),
    ("another-first-model", aggregators.ChoosesFirstModel),
    ("early-end", aggregators.EndsEarly),
    ("ledger-rewritten", aggregators.RewritesLedger),
    ("ledger-truncated", aggregators.TruncatesLedger),
)
_UNSEEN: tuple[tuple[str, type[Aggregator]], ...] = (
    ("heads-withheld", withholding.WithholdsHeads),
    ("head-forged", withholding.ForgesHead),
)
_VERIFIERS: tuple[tuple[str, type[Verifier], type[Hospital] | None], ...] = (
    ("wrong-verdict", verifiers.AcceptsRefused, hospitals.SwapsCiphertext),
    ("wrong-refusal", verifiers.RefusesHonest, None),
)


def _what(party: type[Hospital] | type[Aggregator] | type[Verifier]) -> str:
    return (party.__doc__ or "").split("\n")[0]


ATTACKS: dict[str, Attack] = {
    **{name: Attack(name, _what(party), hospital=party) for name, party in _HOSPITALS},
    **{name: Attack(name, _what(party), hospital=party, rules=private) for name, party in _PRIVATE},
    "spent-budget": Attack(
        "spent-budget",
        _what(spenders.GoesOnSpent),
        hospital=spenders.GoesOnSpent,
        rules=private_and_small,
        beside=spenders.BESIDE,
        hospitals=spenders.HOSPITALS,
        rounds=2,
    ),
    **{name: Attack(name, _what(party), hospital=party, rules=evaluated) for name, party in _EVALUATED},
    **{name: Attack(name, _what(party), hospital=party, rules=noisy) for name, party in _NOISY},
    **{name: Attack(name, what, hospital=party, rules=drawn) for name, what, party in _DRAWN},
    "quote-of-another-member": Attack(
        "quote-of-another-member",
        _what(machines.ShowsAnothersQuote),
        hospital=machines.ShowsAnothersQuote,
        rules=machines.attested,
        beside=machines.BESIDE,
    ),
    **{name: Attack(name, _what(party), aggregator=party) for name, party in _AGGREGATORS},
    **{
        name: Attack(name, _what(party), hospital=helper, verifier=party)
        for name, party, helper in _VERIFIERS
    },
    "shares-deleted-early": Attack(
        "shares-deleted-early",
        _what(aggregators.DeletesSharesEarly),
        aggregator=aggregators.DeletesSharesEarly,
        rules=ephemeral,
    ),
    **{
        name: Attack(
            name,
            _what(party),
            aggregator=party,
            rules=followed,
            beside=withholding.BESIDE,
            hospitals=withholding.HOSPITALS,
            unseen=True,
        )
        for name, party in _UNSEEN
    },
    "false-fingerprint": Attack(
        "false-fingerprint",
        _what(verifiers.SignsFalseFingerprint),
        verifier=verifiers.SignsFalseFingerprint,
        rules=fingerprinted,
    ),
}
ATTACKS["replayed-proof"] = replace(ATTACKS["replayed-proof"], rounds=2)
