"""What a consortium counts: a vector of small numbers of every hospital, of which only the sum is opened.

The rules name it before anybody acts: what its entries mean, in which rounds they are counted, how large one
hospital's count may be. The description is a public text that this package does not read; whoever counts and
whoever reads the sum does.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from itertools import accumulate, pairwise

import numpy as np
import numpy.typing as npt

from proofward.encoding.records import UNSHOWN
from proofward.lattice.parameters import RING_DEGREE
from proofward.layers.arithmetic.ranges import limbs
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.basics.layout import Layout, log_padded, padded
from proofward.layers.basics.plain import exactly, integer
from proofward.layers.networks.network import mlp
from proofward.layers.rules.model import FixedPoint, Training
from proofward.layers.rules.privacy import MOST_RELEASES
from proofward.relations.rules.blocks import Entries
from proofward.relations.rules.config import RoundConfig
from proofward.relations.rules.noise_levels import NoiseLevels

Signed = npt.NDArray[np.int64]

MOST_COUNTS = 1 << 20
"""Entries of one vector: a verifier has a table of them."""
MOST_BITS = 31
"""Of one count: the bound of what a ciphertext's entry may hold, see `lattice.parameters`."""
MOST_TEXT = 1 << 17
"""Characters of a description."""
MOST_GROUPS, MOST_ROUNDS = 1 << 14, 1 << 12
"""Of one counting."""
MOST_LEFT_OUT = 1 << 16
"""Rows at one end of a validation part."""
LEAST_NOISE, MOST_NOISE = 41, 1 << 20
"""Variance of one hospital's noise in a count: tables are sound and small between these."""
_OPTIONAL = (("proved", "left_out"), ("noise", "spends"))
"""Names that the plain form has where the first of a pair is used."""
NO_DATASET = bytes(32)
"""Stands for the root of a dataset where a hospital has enrolled none."""


@dataclass(frozen=True)
class Counting:
    """One vector of counts, and the rounds that sum it.

    label: 1 to 100 characters that can be shown, for people; one in the rules
    description: 1 to 2^17 characters, what every entry counts
    length: entries, 2 to 2^20
    bits: every count of every hospital is proved to be in [0, 2^bits); 1 to 31
    rounds: their numbers, ascending, at most 2^12
    groups: lengths of consecutive groups that make up the vector, at most 2^14; () is one group of all
    least_count: a hospital says no smaller count but 0: it adds such counts to the last of their group, the
        remainder, whose own size is not limited; 1 is no such rule
    within_rows: whether it is proved that no group sums to more than the rows that the hospital has enrolled
    proved: whether it is proved that the counts are those of the round's model on the validation part, see
        `evaluation_round`; the description then is a `ScoreLayout`. The plain form names it where it is so
    left_out: beside it, how many rows a hospital may leave out at each end of that part, 0 to 2^16
    noise: the variance of the discrete Gaussian noise that each hospital proves to have added to every count;
        0 for exact counts. With noise nothing is withheld: least_count is 1
    spends: beside it, how many releases of the privacy budget a sum of these counts spends
    """

    label: str
    description: str
    length: int
    bits: int
    rounds: tuple[int, ...]
    groups: tuple[int, ...] = ()
    least_count: int = 1
    within_rows: bool = False
    proved: bool = False
    left_out: int = 0
    noise: int = 0
    spends: int = 0

    def __post_init__(self) -> None:
        for name, most in (("label", 100), ("description", MOST_TEXT)):
            value = getattr(self, name)
            if not isinstance(value, str) or not 1 <= len(value) <= most or not _is_unicode(value):
                raise ConfigurationError(f"counting.{name}", f"1 to {most} characters", value)
        if UNSHOWN.search(self.label):
            raise ConfigurationError("counting.label", "characters that can be shown", self.label)
        integer("counting.length", self.length, 2, MOST_COUNTS)
        integer("counting.bits", self.bits, 1, MOST_BITS)
        integer("counting.least_count", self.least_count, 1, 1 << self.bits)
        for name in ("within_rows", "proved"):
            if type(getattr(self, name)) is not bool:
                raise ConfigurationError(f"counting.{name}", "True or False", getattr(self, name))
        integer("counting.left_out", self.left_out, 0, MOST_LEFT_OUT if self.proved else 0)
        self._check_noise()
        self._check_tuples()

    def _check_noise(self) -> None:
        if type(self.noise) is not int or self.noise:
            integer("counting.noise", self.noise, LEAST_NOISE, MOST_NOISE)
        integer("counting.spends", self.spends, 1 if self.noise else 0, MOST_RELEASES if self.noise else 0)
        if self.noise and self.least_count != 1:
            expected = "1 beside noise: what is withheld would depend on exact counts"
            raise ConfigurationError("counting.least_count", expected, self.least_count)

    def _check_tuples(self) -> None:
        for name, most in (("rounds", MOST_ROUNDS), ("groups", MOST_GROUPS)):
            values, expected = getattr(self, name), f"a tuple of at most {most} numbers from 1 on"
            if not isinstance(values, tuple) or len(values) > most:
                raise ConfigurationError(f"counting.{name}", expected, str(type(values)))
            if any(type(value) is not int or value < 1 for value in values):
                raise ConfigurationError(f"counting.{name}", expected, "others")
        if not self.rounds or any(first >= second for first, second in pairwise(self.rounds)):
            raise ConfigurationError("counting.rounds", "at least one, ascending", self.rounds)
        if self.groups and (len(self.groups) == 1 or sum(self.groups) != self.length):
            expected = f"two lengths or more that sum to {self.length}, or none"
            raise ConfigurationError("counting.groups", expected, f"{len(self.groups)} lengths")

    def to_dict(self) -> dict[str, object]:
        """Canonical plain form."""
        plain = {**asdict(self), "rounds": list(self.rounds), "groups": list(self.groups)}
        for own in _OPTIONAL:
            if not plain[own[0]]:
                for name in own:
                    del plain[name]
        return plain

    @classmethod
    def from_dict(cls, values: object) -> Counting:
        """Inverse of `to_dict`; raises ConfigurationError on anything else."""
        given = values if isinstance(values, dict) else {}
        absent = {name for own in _OPTIONAL if own[0] not in given for name in own}
        names = tuple(field.name for field in fields(cls) if field.name not in absent)
        plain = exactly("counting", values, names)
        if "proved" in plain and plain["proved"] is not True:
            raise ConfigurationError("counting.proved", "nothing for counts that are signed", plain["proved"])
        if "noise" in plain and plain["noise"] == 0:
            raise ConfigurationError("counting.noise", "nothing for exact counts", plain["noise"])
        for name in ("rounds", "groups"):
            if not isinstance(listed := plain[name], list | tuple):
                raise ConfigurationError(f"counting.{name}", "a list", type(listed).__name__)
            plain[name] = tuple(listed)
        return cls(**plain)  # type: ignore[arg-type]

    @property
    def promise(self) -> str:
        """What is proved of the counts, for people."""
        return f"{self._counts_promise}; noise is proved to be drawn" if self.noise else self._counts_promise

    @property
    def _counts_promise(self) -> str:
        if not self.proved:
            return "proved to be in range, not to be true"
        words = "proved to be those of the model on the validation parts"
        if self.left_out:
            words += f", up to {self.left_out} rows at each end of a part aside"
        return words

    def digest(self) -> bytes:
        """SHA-256 of the canonical JSON."""
        text = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(b"proofward/counting/v2" + text.encode()).digest()

    @property
    def bound(self) -> int:
        """The largest count that one hospital may have."""
        return (1 << self.bits) - 1

    @property
    def levels(self) -> NoiseLevels | None:
        """What noise is made of, None where counts are exact."""
        return NoiseLevels.of_counts(self.noise) if self.noise else None

    @property
    def message_bound(self) -> int:
        """What no number that a hospital encrypts exceeds in magnitude: a count, or one with its noise."""
        return self.bound + (self.levels.largest if self.levels else 0)

    @property
    def block(self) -> Entries:
        """The vector as a block of numbers."""
        return Entries("counts", 0, Layout((self.length,)))

    @property
    def log_size(self) -> int:
        """Of the padded vector."""
        return log_padded(self.length)

    @property
    def spans(self) -> tuple[tuple[int, int], ...]:
        """First entry of each group, and the entry behind its last."""
        return tuple(pairwise((0, *accumulate(self.groups or (self.length,)))))

    @property
    def limb_bits(self) -> int:
        """Width of the limbs in which counts are looked up: as few as tables of the vector's size allow."""
        parts = -(-self.bits // min(max(self.log_size, 8), 16))
        return -(-self.bits // parts)

    def committed_values(self, threshold: int) -> int:
        """About how many values a proof commits to; it decides on the scheme."""
        counts = padded(self.length) * len(limbs(self.bits, self.limb_bits))
        found = counts + padded(len(self.spans)) + (2 + threshold) * RING_DEGREE + (2 << self.limb_bits)
        if self.levels is None:
            return found
        return found + self.levels.committed_values(padded(self.length), self.limb_bits)

    def told(self, counts: Signed) -> Signed:
        """The counts as a hospital may say them: those below the least count added to the remainders."""
        result = counts.copy()
        for first, stop in self.spans:
            own = result[first : stop - 1]
            small = own < self.least_count
            result[stop - 1] += own[small].sum()
            own[small] = 0
        return result

    def check_counts(self, counts: object, rows: int) -> Signed:
        """The counts, int64 (length,), if they can be proved; raises ConfigurationError."""
        if not isinstance(counts, np.ndarray) or counts.shape != (self.length,) or counts.dtype != np.int64:
            found = f"{counts.dtype} of {counts.shape}" if isinstance(counts, np.ndarray) else type(counts)
            raise ConfigurationError("counts", f"int64 of ({self.length},)", str(found))
        if int(counts.min()) < 0 or int(counts.max()) > self.bound:
            raise ConfigurationError("counts", f"numbers from 0 to {self.bound}", "another")
        sums = [int(counts[first:stop].sum()) for first, stop in self.spans]
        if self.within_rows and max(sums) > rows:
            raise ConfigurationError("counts", f"at most {rows} rows in every group", max(sums))
        return counts


def _is_unicode(text: str) -> bool:
    """Whether it can be written: a lone surrogate cannot."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def check_countings(countings: tuple[Counting, ...], rounds: int) -> None:
    """Raises ConfigurationError unless these can be the countings of rules with so many rounds."""
    numbers = [number for own in countings for number in own.rounds]
    labels, first = [own.label for own in countings], [own.rounds[0] for own in countings]
    within = [own.label for own in countings if own.within_rows]
    for holds, expected, actual in (
        (len(set(labels)) == len(labels), "distinct labels", labels),
        (first == sorted(first), "the order of their first rounds", first),
        (len(set(numbers)) == len(numbers), "one vector in a round", sorted(numbers)),
        (max(numbers, default=0) <= rounds, f"rounds up to {rounds}", max(numbers, default=0)),
        (len(numbers) < rounds or not within, "no enrolled rows where all rounds count", within),
    ):
        if not holds:
            raise ConfigurationError("counting", expected, actual)


def untrained(
    holders: int, threshold: int, security_bits: int = 100, weak_security_for_tests: bool = False
) -> RoundConfig:
    """The configuration of rules whose rounds all count: a network of the least size, which nobody trains."""
    return RoundConfig(
        model=mlp((1, 1, 2)),
        scales=FixedPoint(),
        training=Training(1, 1, 1),
        clip_bound=1 << 10,
        holders=holders,
        threshold=threshold,
        security_bits=security_bits,
        weak_security_for_tests=weak_security_for_tests,
    )
