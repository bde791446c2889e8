"""A sum of hidden values with public weights that factor by axis.

    claim = sum over x, y, .. of value(x, y, ..) u(x) v(y) ..

What is proved: the claim, from one on the values at a point. Message order: a sumcheck over x, y, ..; then
    prover: the value where it ended, unless it is a form in committed columns
The weights' extension there is a product of short ones, which everybody evaluates. Soundness: the sumcheck.
How it hides: the party pads every message.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from proofward.field.extension import Ext, ext_mul
from proofward.field.multilinear import evaluate
from proofward.layers.basics.layout import log_padded
from proofward.layers.columns.stack import plain_weights
from proofward.proof.claims import Reduced
from proofward.proof.forms import ONE, Form, Point
from proofward.proof.party import Party, Tables

Array = npt.NDArray[np.uint64]


def said_entry(
    party: Party, claim: Form, weights: Sequence[Array], values: Callable[[], Array]
) -> tuple[Point, Form]:
    """The point where the sumcheck ended, and the value there, which the prover says."""
    reduced = _summed(party, claim, weights, values)
    entry = party.send(reduced.factors[0][0])
    _close(party, reduced, weights, entry)
    return reduced.point, entry


def known_entry(
    party: Party,
    claim: Form,
    weights: Sequence[Array],
    values: Callable[[], Array],
    entry: Callable[[Point], Form],
) -> None:
    """The same where the value is a function of committed columns: `entry` at the point."""
    reduced = _summed(party, claim, weights, values)
    _close(party, reduced, weights, entry(reduced.point))


def _summed(party: Party, claim: Form, weights: Sequence[Array], values: Callable[[], Array]) -> Reduced:
    size = sum(_log_size(part) for part in weights)
    return party.sumcheck(claim, plain_weights(size), lambda: Tables([(values(), outer(weights))]))


def _close(party: Party, reduced: Reduced, weights: Sequence[Array], entry: Form) -> None:
    """The sumcheck's last claim is the entry times the weights' extensions."""

    def public() -> Ext:
        result, rest = ONE, reduced.point
        for part in weights:
            size = _log_size(part)
            result, rest = result * evaluate(part, rest[:size]), rest[size:]
        return result

    party.assert_zero(reduced.claim - entry * party.public(public))


def outer(parts: Sequence[Array]) -> Array:
    """The outer product of E-arrays, the last running fastest."""
    result = parts[0]
    for own in parts[1:]:
        wide = np.ascontiguousarray(np.repeat(result, own.shape[1], axis=1))
        result = ext_mul(wide, np.ascontiguousarray(np.tile(own, (1, result.shape[1]))))
    return result


def _log_size(part: Array) -> int:
    return log_padded(part.shape[1])
