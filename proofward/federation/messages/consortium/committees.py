"""What the rules say of committees: how many members hold shares of keys, and how many judge a proof.

Without committees every hospital holds a share of every key and every verifier judges every proof: work that
grows with the square of their number. With them a committee of hospitals is drawn for each round, and some
verifiers for each proof. What the draw can fail at, of whatever number of members it is drawn, is computed,
compared with a policy, and shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any, cast

from proofward.encoding.cbor import Item
from proofward.federation.committees.bounds import Population, below, bits
from proofward.federation.committees.choice import LIVENESS_BITS, least_holding, least_sample
from proofward.federation.committees.populations import SECRECY_BITS, Draw, Sampling
from proofward.layers.basics.errors import ConfigurationError

EVERYBODY = 0
MAX_COMMITTEES = 256
"""Bytes of their encoding."""
MOST_REDRAWS = 1 << 20


@dataclass(frozen=True)
class Bound:
    """What a draw can fail at, with which exact probability, and below which 2^-wanted it has to be."""

    name: str
    words: str
    probability: Fraction
    wanted: int

    @property
    def kept(self) -> bool:
        """Whether the policy is kept."""
        return below(self.probability, self.wanted)

    @property
    def shown(self) -> str:
        """For people."""
        found = f"2^-{bits(self.probability):.1f}" if self.probability else "never"
        return f"{self.words}: {found} (at most 2^-{self.wanted})"


@dataclass(frozen=True)
class Committees:
    """Sizes of the committees, and what they are reckoned with.

    corrupt, absent: per cent of the hospitals, and of the verifiers, that are dishonest or missing at most
    holders: c, how many hospitals hold shares in a round; EVERYBODY for all of them. Fewer are drawn where
        so many are missing that c of the others would not keep the policy
    sample: s, how many verifiers judge a proof of a round; EVERYBODY for all of them. More are drawn where
        so many are revoked that s of the others would not keep it
    redraws: how many further draws whoever influences a beacon is granted
    unsafe: exactly where a bound is above the policy: for experiments, and nothing else
    """

    corrupt: int
    absent: int
    holders: int
    sample: int
    redraws: int = 0
    unsafe: bool = False

    def __post_init__(self) -> None:
        for name, high in (("corrupt", 99), ("absent", 99), ("holders", 1 << 20), ("sample", 1 << 20),
                           ("redraws", MOST_REDRAWS)):  # fmt: skip
            value = getattr(self, name)
            if type(value) is not int or not 0 <= value <= high:
                raise ConfigurationError(f"committees.{name}", f"an integer in [0, {high}]", value)
        if type(self.unsafe) is not bool:
            raise ConfigurationError("committees.unsafe", "true or false", self.unsafe)
        if self.corrupt + self.absent > 99:
            raise ConfigurationError("committees", "someone who is honest and present", self)
        if not (self.holders or self.sample):
            raise ConfigurationError("committees", "a committee of holders, or of verifiers", "neither")

    def hospitals(self, count: int) -> Population:
        """The assumption about so many hospitals: one of them may be corrupt in any case."""
        return _reckoned(count, self.corrupt, self.absent)

    def verifiers(self, count: int) -> Population:
        """The assumption about so many verifiers, likewise; for who is silent all are asked."""
        return _reckoned(count, self.corrupt, 0)

    def corrupt_hospitals(self, count: int) -> int:
        """So many of `count` hospitals may collude: all thresholds but those of shares count them."""
        return self.hospitals(count).corrupt

    def draw(self, hospitals: int, threshold: int) -> Draw:
        """Of how many hospitals how many holders are drawn; `threshold` is t of the holders."""
        return Draw(self.hospitals(hospitals), self.holders, threshold, self.redraws)

    def sampling(self, verifiers: int) -> Sampling:
        """Of how many verifiers how many judge a proof."""
        return Sampling(self.verifiers(verifiers), self.sample, self.redraws)

    def bounds(self, hospitals: int, verifiers: int, threshold: int) -> Iterator[Bound]:
        """Those of the committees that there are; `threshold` is t of the holders."""
        if self.holders:
            drawn, most = self.draw(hospitals, threshold), self.holders
            words = f"more than {threshold} of a round's holders, {most} at most, are corrupt"
            yield Bound("secrecy", words, drawn.secrecy, SECRECY_BITS)
            words = f"fewer than {threshold + 1} of them are honest and present"
            yield Bound("liveness", words, drawn.liveness, LIVENESS_BITS)
        if self.sample:
            lied = self.sampling(verifiers).soundness
            words = f"all verifiers of a proof, {self.sample} at least, are corrupt"
            yield Bound("soundness", words, lied, SECRECY_BITS)

    def check(self, hospitals: int, verifiers: int, threshold: int, holders: int) -> None:
        """Raises ConfigurationError unless they fit members and configuration, and keep the policy."""
        for name, size, most in (("holders", self.holders, hospitals), ("sample", self.sample, verifiers)):
            if size > most:
                raise ConfigurationError(f"committees.{name}", f"at most {most}", size)
        if holders != (self.holders or hospitals):
            expected = f"config.holders = {self.holders or hospitals}"
            raise ConfigurationError("committees.holders", expected, holders)
        above = [bound for bound in self.bounds(hospitals, verifiers, threshold) if not bound.kept]
        if above and not self.unsafe:
            found = "; ".join(bound.shown for bound in above)
            raise ConfigurationError("committees", "bounds below the policy", found)
        if self.unsafe and not above:
            raise ConfigurationError("committees.unsafe", "false where all bounds are below the policy", True)

    def to_item(self) -> Item:
        """Canonical plain form."""
        return cast(Item, asdict(self))

    @classmethod
    def from_item(cls, item: Item) -> Committees:
        """Inverse of `to_item`; raises ConfigurationError."""
        names = set(cls.__dataclass_fields__)
        if not isinstance(item, dict) or set(item) != names:
            raise ConfigurationError("committees", f"a mapping with exactly {sorted(names)}", item)
        return cls(**cast(dict[str, Any], item))


def _reckoned(count: int, corrupt: int, absent: int) -> Population:
    """With one corrupt member at least, where there is another."""
    found = Population.of_shares(count, corrupt, absent)
    least = min(1, count - 1 - found.absent)
    return Population(count, max(found.corrupt, least), found.absent)


def chosen(
    hospitals: int, verifiers: int, corrupt: int, absent: int, redraws: int = 0
) -> tuple[Committees, int]:
    """The least committees that keep the policy, and t of the holders; raises ConfigurationError."""
    plain = Committees(corrupt, absent, 1, 1, redraws)
    holding = least_holding(plain.hospitals(hospitals), redraws)
    if holding is None:
        expected = f"shares with which some of {hospitals} hospitals can hold keys"
        raise ConfigurationError("committees", expected, f"{corrupt} % corrupt, {absent} % absent")
    sample = least_sample(plain.verifiers(verifiers), redraws)
    return Committees(corrupt, absent, holding.size, sample, redraws), holding.threshold
