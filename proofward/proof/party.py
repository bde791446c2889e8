"""The party interface: a relation is one script, run by whoever takes part in its proof.

What is proved. The script's assertions hold for committed columns.

Messages:
    roots of commitments
    padded messages and challenges, in the script's order
    the opening of all commitments, see `commitment.contract`

How it hides. Every hidden value is sent minus a one-time pad that is committed with the witness. So
what is sent is uniform and independent of the witness. The verifier keeps the value as an affine form in the
pad.

Parties. `prover.Prover` knows the witness and `verifier.Verifier` has bytes. `counter.Counter` measures a
script, and `simulator.Simulator` has neither witness nor proof.

Source: the padded-transcript technique of draft-google-cfrg-libzk (Longfellow), after Ben-Or et al. 1988;
sumcheck with the equality factor split off after Gruen (2024/108).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import numpy.typing as npt

from proofward.field.extension import Ext
from proofward.field.narrow import Narrow
from proofward.proof.claims import Reduced, RunningSum, Summands, Tables, Weights, fold_claim
from proofward.proof.commitment.contract import Commitment, PadCounts, Scheme
from proofward.proof.errors import ProofRejected
from proofward.proof.forms import LEFT, ONE, PAD, PRODUCT, RIGHT, ZERO, Column, Form, Point, pad_key
from proofward.proof.soundness import Soundness
from proofward.proof.transcript import Challenger, Label, draw_extension

__all__ = ["Party", "Reduced", "Tables", "Weights"]

Array = npt.NDArray[np.uint64]


class Party(ABC):
    """Common to all parties: the script interface, affine forms, constraints, and the challenger."""

    def __init__(self, challenger: Challenger, scheme: Scheme, grinding: int = 0) -> None:
        self.challenger = challenger
        self.scheme = scheme
        self.grinding = grinding  # bits of work before the challenges of lookups, see `grinding.py`
        self.soundness = Soundness()
        self.commitments: list[Commitment] = []
        self.constraints: list[Form] = []
        self._declared: list[tuple[str, int, Callable[[], Array]]] = []
        self.pads = 0
        self.products = 0

    # -- what differs between parties
    # -------------------------------------------------------------------------------------------

    @abstractmethod
    def _say(self, keys: list[int], values: Sequence[Ext]) -> list[Ext]:
        """The padded messages for these pads."""

    @abstractmethod
    def _commit(self, padded: bool) -> bytes:
        """Root of a new commitment to the declared columns."""

    @abstractmethod
    def _reopen(self, source: Callable[[], object]) -> None:
        """Take in an earlier commitment; `source` yields what the prover has kept of it."""

    @abstractmethod
    def nonce(self) -> bytes:
        """A nonce with `grinding` bits of work, see `grinding.py`."""

    @abstractmethod
    def exchange(
        self,
        label: Label,
        length: int,
        compute: Callable[[], Array],
        consistent: Callable[[Array], Array],
    ) -> Array:
        """An E-array of the opening, whose length both sides know.

        A prover computes it and a verifier hears it. A simulator draws it and makes it `consistent`.
        """

    @abstractmethod
    def keep(
        self, length: int, compute: Callable[[], Array], consistent: Callable[[Array], Array]
    ) -> Array | None:
        """An E-array like that of `exchange` which is not said: a verifier has None."""

    @abstractmethod
    def exchange_bytes(self, label: Label, length: int, compute: Callable[[], bytes]) -> bytes:
        """Bytes of the opening that are a function of what was kept or said.

        A prover and a simulator compute them, and a verifier hears them.
        """

    def check(self, name: str, sides: Callable[[], tuple[Ext, Ext]]) -> None:
        """Refuse unless both sides are equal."""
        actual, expected = sides()
        if actual != expected:
            raise ProofRejected(name, f"expected {expected}, got {actual}")

    def _summation(self, tables: Callable[[], Summands], weights: list[Weights]) -> RunningSum | None:
        """The prover's side of a sumcheck."""
        del tables, weights
        return None

    def _rounds(self, summation: RunningSum | None, keys: list[int]) -> tuple[list[Ext], list[Ext]]:
        """The messages of a sumcheck's rounds, two pads each, and the point."""
        sent: list[Ext] = []
        point: list[Ext] = []
        for i in range(0, len(keys), 2):
            sent += self._exchange(keys[i : i + 2], summation.message() if summation else (ZERO, ZERO))
            point.append(self.challenge())
            if summation:
                summation.bind(point[-1])
        return sent, point

    knows_witness = False
    # Whether public tables are needed. A counter needs none: what it does must not grow with what is claimed.
    evaluates_public = True

    def values(self, column: Column) -> Array:
        """The values of a column; a prover's only."""
        raise AssertionError(f"only a prover has the values of {column.name}")

    def narrow(self, column: Column) -> Narrow:
        """The values of a column in the smallest integers that hold them; a prover's only."""
        raise AssertionError(f"only a prover has the values of {column.name}")

    def pad(self, key: int) -> Ext:
        """The value of a pad; a prover's only."""
        raise AssertionError(f"only a prover has the value of pad {key}")

    def timed(self, phase: str) -> AbstractContextManager[None]:
        """Where a prover measures its phases."""
        del phase
        return nullcontext()

    def public(self, compute: Callable[[], Ext]) -> Ext:
        """A public value that may be costly to compute."""
        return compute()

    def note(self, what: str, name: str, count: int) -> None:
        """How much of something a part of the script has, for a counter that is asked for it."""
        del what, name, count

    # -- the script interface
    # ---------------------------------------------------------------------------------------------------

    def declare(self, name: str, log_size: int, values: Callable[[], Array]) -> Column:
        """A column of 2^log_size elements, of the commitment that is made or reopened next.

        Only a prover calls `values`.
        """
        self._declared.append((name, log_size, values))
        return Column(len(self.commitments), len(self._declared) - 1, log_size, name)

    def commit(self, name: str, padded: bool = False) -> None:
        """Commit to the declared columns; exactly one commitment of a script is padded."""
        self._enter(name, self._commit(padded), padded=padded, earlier=False)

    def reopen(self, name: str, root: bytes, source: Callable[[], object]) -> None:
        """Take the declared columns from a commitment of an earlier proof.

        The statement has its root; `source` yields what the prover has kept.
        """
        self._reopen(source)
        self._enter(name, root, padded=False, earlier=True)

    def _enter(self, name: str, root: bytes, *, padded: bool, earlier: bool) -> None:
        self.challenger.absorb(Label.ROOT, root)
        self.commitments.append(Commitment(name, self._log_sizes, root, padded, earlier))
        self._declared = []

    @property
    def _log_sizes(self) -> tuple[int, ...]:
        """Of the columns declared since the last commitment."""
        return tuple(size for _, size, _ in self._declared)

    @property
    def pad_counts(self) -> PadCounts:
        """The pads that the script has used."""
        return PadCounts(self.pads, self.products)

    def announce(self, label: Label, compute: Callable[[], bytes]) -> bytes:
        """Take public bytes into the transcript; they are no part of the proof.

        Others than the prover compute them from the statement. A prover may compute them from pads, which are
        committed by then. A counter calls nothing and returns b"".
        """
        if not any(own.padded for own in self.commitments):
            raise AssertionError(f"{label.value!r} announced before the pads are committed")
        data = compute()
        self.challenger.absorb(label, data)
        return data

    def challenge(self) -> Ext:
        """A uniform element of E, drawn after all that was said."""
        return draw_extension(self.challenger, Label.CHALLENGE)

    def challenges(self, count: int) -> Point:
        """`count` challenges."""
        return tuple(self.challenge() for _ in range(count))

    def send(self, value: Ext | None) -> Form:
        """Say one hidden value."""
        return self.send_all([ZERO if value is None else value])[0]

    def send_all(self, values: Sequence[Ext]) -> list[Form]:
        """Say hidden values; the verifier's script passes zeros, which are not looked at."""
        keys = [pad_key(PAD, self.pads + i) for i in range(len(values))]
        self.pads += len(values)
        return [
            Form(sent, {key: ONE}, []) for key, sent in zip(keys, self._exchange(keys, values), strict=True)
        ]

    def send_product(self, left: Ext, right: Ext) -> tuple[Form, Form, Form]:
        """Say two hidden values; returns the forms of both and of their product.

        With left = l + pad_l and right = r + pad_r the product is l r + l pad_r + r pad_l + pad_l pad_r, and
        pad_l pad_r is itself a pad.
        """
        index = self.products
        self.products += 1
        keys = [pad_key(LEFT, index), pad_key(RIGHT, index)]
        x, y = self._exchange(keys, (left, right))
        product = Form(x * y, {keys[0]: y, keys[1]: x, pad_key(PRODUCT, index): ONE}, [])
        return Form(x, {keys[0]: ONE}, []), Form(y, {keys[1]: ONE}, []), product

    def _exchange(self, keys: list[int], values: Sequence[Ext]) -> list[Ext]:
        sent = self._say(keys, values)
        self.challenger.absorb(Label.MESSAGE, b"".join(value.to_bytes() for value in sent))
        return sent

    def assert_zero(self, form: Form) -> None:
        """Require a form to be zero: one linear constraint of the opening."""
        self.constraints.append(form)

    def sumcheck(self, claim: Form, weights: list[Weights], tables: Callable[[], Summands]) -> Reduced:
        """Reduce a claim on sums over {0,1}^n to the tables' values at a random point.

        The claim is
            sum_x w(x) (sum_m f_m(x) g_m(x) + l(x)) = claim
        where w is the tensor product of the per-variable weights (w0, w1), the most significant variable
        first. The prover says t(0) and the leading coefficient of each round's quadratic t; claim = w0 t(0) +
        w1 t(1) gives t(1). The final claim is without the weight. Soundness error 2 n / |E|. The caller
        closes the final claim with sent values or forms.
        """
        keys = [pad_key(PAD, self.pads + i) for i in range(2 * len(weights))]
        self.pads += len(keys)
        summation = self._summation(tables, weights)
        sent, point = self._rounds(summation, keys)
        self.soundness.add("sumcheck", "Lund, Fortnow, Karloff, Nisan 1992", 2 * len(weights))
        final = fold_claim(claim, weights, point, keys, sent)
        if summation:
            return Reduced(tuple(point), final, *summation.finals())
        return Reduced(tuple(point), final, [(ZERO, ZERO)] * 2, ZERO)
