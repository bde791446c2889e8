"""Which rounds of a federation train, and which count what."""

from __future__ import annotations

from functools import cached_property
from typing import cast

from proofward.encoding import encode_item
from proofward.encoding.cbor import Item
from proofward.layers.basics.errors import ConfigurationError
from proofward.privacy.counts import check_noise_of_counts
from proofward.relations.proofs.measure import check_countable
from proofward.relations.rules.config import RoundConfig
from proofward.relations.rules.counting import Counting, check_countings
from proofward.relations.scores.score_counting import check_layout, layout_in
from proofward.relations.scores.stopping import Stopping

MAX_COUNTING = 1 << 19
"""Bytes of what is counted: the rules, which hold it, are an entry of the ledger, and in every proof file."""

MOST_COUNTINGS = 64
"""Of one federation: whoever reads rules measures the proof of each."""

MAX_STOPPING = 256
"""Bytes of the rule on stopping."""


class RoundKinds:
    """The part of the rules that tells rounds apart: a round trains unless a counting names it."""

    rounds: int
    config: RoundConfig
    counting: tuple[Counting, ...]
    stopping: Stopping | None

    def check_rounds(self) -> None:
        """Raises ConfigurationError unless the countings fit the rounds, and counts can be proved."""
        if len(self.counting) > MOST_COUNTINGS:
            raise ConfigurationError("counting", f"at most {MOST_COUNTINGS} vectors", len(self.counting))
        check_countings(self.counting, self.rounds)
        size = len(encode_item(counting_to_item(self.counting)))
        if size > MAX_COUNTING:
            raise ConfigurationError("counting", f"at most {MAX_COUNTING} bytes", f"{size} bytes")
        for own in self.counting:
            check_noise_of_counts(self.config.privacy, self.config.model.parameters, own)
            check_countable(self.config, own)
        share = self.config.training.validation_share
        if self.counts_only and share:
            raise ConfigurationError("validation_share", "0 where nobody enrols records", share)
        layouts = {found for own in self.counting if (found := layout_in(own)) and not found.outside}
        if len(layouts) > 1:
            expected = "one layout of scores: two would tell of records by their difference"
            raise ConfigurationError("counting", expected, f"{len(layouts)} of them")
        for layout in layouts:
            check_layout(layout, self.config.model)
            if not share and not self.counts_only:
                expected = "above 0 where the federation evaluates its own model, on rows without training"
                raise ConfigurationError("validation_share", expected, share)
        if self.stopping is not None and not layouts:
            expected = "rounds that evaluate the federation's own model"
            raise ConfigurationError("stopping", expected, self.counting_in_words or "none")

    @cached_property
    def _counted(self) -> dict[int, Counting]:
        return {number: own for own in self.counting for number in own.rounds}

    def counting_in(self, number: int) -> Counting | None:
        """What round `number` counts; None if it trains."""
        return self._counted.get(number)

    @property
    def counts_only(self) -> bool:
        """Whether all rounds count: then nobody enrols records, and nobody trains."""
        return self.training_rounds == 0

    @property
    def training_rounds(self) -> int:
        """How many rounds train."""
        return self.rounds - len(self._counted)

    def spends_in(self, number: int) -> int:
        """How many releases of the privacy budget the sum of round `number` spends; 0 where it is exact."""
        if self.config.privacy is None:
            return 0
        counting = self.counting_in(number)
        return 1 if counting is None else counting.spends

    def has_noise_in(self, number: int) -> bool:
        """Whether hospitals add noise to what they encrypt in round `number`."""
        return self.spends_in(number) > 0

    @property
    def releases_planned(self) -> int:
        """How many releases all rounds spend if none is tried again."""
        return self.training_rounds + sum(own.spends * len(own.rounds) for own in self.counting)

    @property
    def has_exact_counts(self) -> bool:
        """Whether some sums of counts carry no noise."""
        return any(not own.noise for own in self.counting)

    def training_round(self, number: int) -> int:
        """How many rounds up to `number` train."""
        return number - sum(counting <= number for counting in self._counted)

    def round_in_words(self, number: int) -> str:
        """Which round it is, for people."""
        counting = self.counting_in(number)
        return f"round {number} of {self.rounds}" + (f", counting {counting.label}" if counting else "")

    @property
    def most_entries(self) -> int:
        """The most numbers that an upload encrypts in any round."""
        return max([self.config.model.parameters, *(own.length for own in self.counting)])

    @property
    def counting_in_words(self) -> str:
        """What is counted in which rounds, for people; "" where all rounds train."""
        return "; ".join(map(_counting_in_words, self.counting))

    @property
    def counting_by_promise(self) -> dict[str, str]:
        """What is counted in which rounds, for people, by what is proved of it."""
        promises = dict.fromkeys(own.promise for own in self.counting)
        return {
            promise: "; ".join(_counting_in_words(own) for own in self.counting if own.promise == promise)
            for promise in promises
        }


def _counting_in_words(own: Counting) -> str:
    numbers = ", ".join(map(str, own.rounds))
    verb = "rounds {} count" if len(own.rounds) > 1 else "round {} counts"
    return f"{verb.format(numbers)} {own.label}"


def counting_to_item(counting: tuple[Counting, ...]) -> Item:
    """Canonical plain form."""
    return [cast(Item, own.to_dict()) for own in counting]


def counting_from_item(item: Item) -> tuple[Counting, ...]:
    """Inverse of `counting_to_item`; raises ConfigurationError."""
    if not isinstance(item, list | tuple):
        raise ConfigurationError("counting", "a list", type(item).__name__)
    return tuple(Counting.from_dict(own) for own in item)
