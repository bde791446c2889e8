"""What a proof asks of a commitment scheme, and all that it knows of one.

What is proved. A prover commits to columns of elements of F: 32 bytes, the root, stand for all columns that
are committed to at once. One of the commitments of a proof has pads besides: uniform elements of E that the
scheme draws, alone (PAD) or as triples (LEFT, RIGHT, and PRODUCT = LEFT RIGHT). When the script is through,
one opening of all commitments shows that every form in `constraints` is zero. A claim on a column at a
point and a claim on a pad are such forms, so nothing else is ever opened.

Messages: a root for each commitment, in the script's order, and the scheme's own in the opening, last of
all.

    commit, commit_padded   a prover: columns to a root, and what has to be kept for the opening
    open                    a prover: writes the opening of all commitments
    verify                  a verifier: reads it; raises ProofRejected unless it shows that all forms are zero
    imitate, simulate       a simulator: a root without columns, and an opening that fits the verifier's coins
    count                   a counter: bytes, soundness and work of an opening, before there is one

Soundness. `open`, `verify` and `count` enter all sources of error of an opening, from proven theorems only.

How it hides. In `openings` openings a commitment shows nothing of its columns. Simulated conversations have
the distribution of a prover's, but for what is hidden by a hash; the tests of zero knowledge compare them.

A scheme is a folder beside this file and the line in `registry`. Nothing else imports from the folder.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from proofward.field.extension import Ext
from proofward.field.narrow import Narrow
from proofward.proof.forms import Form
from proofward.proof.proof_length import ProofLength
from proofward.proof.soundness import Soundness
from proofward.proof.transcript import Challenger, Label

Array = npt.NDArray[np.uint64]
Rng = Callable[[int], bytes]

ROOT_BYTES = 32


@dataclass(frozen=True, slots=True)
class Commitment:
    """A commitment that takes part in a proof, as every party sees it.

    log_sizes: of its columns. padded: whether it has the pads. earlier: whether it was made in another proof.
    """

    name: str
    log_sizes: tuple[int, ...]
    root: bytes
    padded: bool
    earlier: bool


@dataclass(frozen=True, slots=True)
class PadCounts:
    """How many pads stand alone, and how many triples there are."""

    pads: int
    products: int


class Root(Protocol):
    """What a simulator keeps of a commitment; its root is known when the opening is."""

    @property
    def root(self) -> bytes: ...


class Committed(Root, Protocol):
    """What a prover keeps of a commitment: the columns, and the randomness that hides them. It is secret."""

    def to_bytes(self) -> bytes:
        """Canonical bytes; `Scheme.from_bytes` is the inverse."""


class Pads(Protocol):
    """The values of the pads, a prover's only."""

    def values(self, key: int, count: int = 1) -> Array:
        """An E-array of `count` pads of one kind, from this key on."""


class Conversation(Protocol):
    """A party as a scheme sees it: what has to be opened, and how to speak."""

    challenger: Challenger
    soundness: Soundness
    commitments: list[Commitment]
    constraints: list[Form]

    @property
    def pad_counts(self) -> PadCounts: ...

    def challenge(self) -> Ext: ...

    def exchange(
        self,
        label: Label,
        length: int,
        compute: Callable[[], Array],
        consistent: Callable[[Array], Array],
    ) -> Array: ...

    def keep(
        self, length: int, compute: Callable[[], Array], consistent: Callable[[Array], Array]
    ) -> Array | None: ...

    def exchange_bytes(self, label: Label, length: int, compute: Callable[[], bytes]) -> bytes: ...

    def check(self, name: str, sides: Callable[[], tuple[Ext, Ext]]) -> None: ...

    def timed(self, phase: str) -> AbstractContextManager[None]: ...


class Writer(Conversation, Protocol):
    """A party that makes a conversation."""

    def write(self, data: bytes) -> None: ...


class Reader(Conversation, Protocol):
    """A party that reads one; both raise ProofRejected, `what` names the bytes in the refusal."""

    def take(self, count: int, what: str) -> memoryview: ...

    def take_elements(self, count: int, what: str) -> Array: ...


Units = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Counts:
    """The measures of an opening.

    length: in bytes
    bytes_per_value: how much longer it becomes by one more committed value
    facts: the scheme's parameters for people, by name
    commit, opening, verify, memory: what there is to do in each phase, and to keep, in units whose costs
        `models/costs/unit_costs` has
    """

    length: ProofLength
    bytes_per_value: float
    facts: Mapping[str, int | str]
    commit: Units
    opening: Units
    verify: Units
    memory: Units


class Scheme(ABC):
    """A scheme with its public parameters; these follow from a statement, and equal ones compare as equal."""

    @classmethod
    @abstractmethod
    def choose(cls, values: int, security_bits: int, openings: int) -> Scheme:
        """The cheapest parameters for about `values` committed elements, each commitment opened so often.

        Raises SoundnessBelowPolicy where none reach `security_bits`.
        """

    @classmethod
    @abstractmethod
    def from_bytes(cls, data: bytes) -> Committed:
        """Inverse of `Committed.to_bytes`; raises MalformedMessage."""

    @property
    @abstractmethod
    def openings(self) -> int:
        """How many proofs may open one commitment; a further one would show something of it."""

    @abstractmethod
    def count(
        self, commitments: Sequence[Commitment], pads: PadCounts, constraints: int, soundness: Soundness
    ) -> Counts:
        """The measures of an opening of these, roots aside; enters its errors."""

    @abstractmethod
    def commit(self, columns: Sequence[Narrow], rng: Rng) -> Committed:
        """Commit to columns, each of a power of two of elements."""

    @abstractmethod
    def commit_padded(self, columns: Sequence[Narrow], pads: PadCounts, rng: Rng) -> tuple[Committed, Pads]:
        """Commit to columns and to fresh pads."""

    @abstractmethod
    def reopen(self, kept: object, log_sizes: Sequence[int]) -> Committed:
        """What was kept of an earlier proof; ValueError if it is not of columns of these sizes."""

    @abstractmethod
    def open(self, party: Writer, committed: Sequence[Committed]) -> None:
        """Write the opening; `committed` belong to the party's commitments, in order."""

    @abstractmethod
    def verify(self, party: Reader) -> None:
        """Read an opening; raises ProofRejected unless it shows that all of the party's forms are zero."""

    @abstractmethod
    def imitate(self, log_sizes: Sequence[int], rng: Rng, pads: PadCounts | None = None) -> Root:
        """What a simulator commits to in place of columns, and of pads if it says how many."""

    @abstractmethod
    def simulate(self, party: Writer, imitated: Sequence[Root]) -> None:
        """Write an opening of what was imitated; settles the roots."""
