"""The opening of all tableaux of a proof: proximity, linear constraints and products, in one combined row.

What is proved. The rows of every tableau are, outside a few columns, words of one Reed-Solomon code, hence
fixed polynomials W_i of degree < K. The functional of the linear constraints is zero on them. In every triple
the third row is the product of the first two on H.

Messages (k = |H|, n points, K = code dimension, t queries; v0, m1, m2, g1 and g2 are mask rows):
    verifier: gamma, kappa             prover: p and q
    verifier: z outside F, a seed      prover: s, and the values x_i, y_i, xy_i of every triple at z
    verifier: beta                     prover: the combined row V
    verifier: t distinct columns       prover: these columns of every tableau, salts, Merkle siblings
where
    p             = sum_i L_i W_i + m1 + X^k m2                                  (k + K coefficients)
    q (X^k - 1)   = sum_i kappa^i (x_i y_i - xy_i) + (X^k - 1)(g1 + X^(K-k) g2)  (q has 2K - k)
    s             = v0(z) + sum_i rho_i W_i(z)
    V             = v0 + sum_i rho_i W_i + beta (rows as in p at z) + beta^2 (as in q) + beta^3 x_1 + ...  (K)

Checks:
    the sum of p over H is minus the constraints' constants
    V(z) = s + beta p(z) + beta^2 (q(z) - sum_i kappa^i (x_i y_i - xy_i) / (z^k - 1)) + beta^3 x_1 + ...
    V at every opened column is the combination of the column's entries
    the opened columns are in the committed Merkle trees

p, q and V are said in the clear, or in a large proof committed: `delivery.py` has both ways. What follows
needs that they are fixed at their place, and that the checks on them hold.

Soundness. Let e = floor((n - K) / 2). If the words are not e-close to the code, a uniform affine combination
is e-close with probability <= n / |E| only (proximity gap), so V differs from it in more than e columns. If
they are, the W_i are fixed before gamma. A false constraint survives gamma with probability <= C / |E|. (The
masks' sum over H is the constant term of that polynomial in gamma, so it need not be zero to be sound.) A
false product survives kappa with probability <= rows / |E|, a wrong p or q survives the point z with <= 2 (k
+ K) / |E|, and a wrong value at z survives beta with <= claims / |E|. Then V is not the right codeword and
agrees with it in at most e + K - 1 columns. The products' polynomials are sent at a random z. To test them on
columns instead, as Ligero tests polynomials of degree 2k, would need half as many columns again.

How it hides. p, q and V are uniform by their masks. m1 and X^k m2 overlap in K - k coefficients, g1 and
X^(K-k) g2 in k of them, so opened columns of masks tell nothing of p or q. The values at z and the opened
columns are uniform by the K - k >= t + 1 random coefficients of each row. s follows from the rest, and so do
the entries of m2, g2 and v0 in the opened columns: see `simulated.py`. Columns that are not opened are hidden
by their salts.

Source: Ames, Hazay, Ishai, Venkitasubramaniam, Ligero (2017, 2022/1608), with out-of-domain sampling.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from proofward.field.extension import Ext, ext_add, ext_scale
from proofward.proof.algebra import (
    add_at,
    as_array,
    element,
    lagrange_at,
    plane_weights,
    power,
)
from proofward.proof.commitment.contract import Conversation
from proofward.proof.commitment.ligero.code import CodeParameters
from proofward.proof.commitment.ligero.delivery import Delivery, PointClaim
from proofward.proof.commitment.ligero.functional import Functional
from proofward.proof.commitment.ligero.layout import (
    MASK_LINEAR_HIGH,
    MASK_LINEAR_LOW,
    MASK_QUADRATIC_HIGH,
    MASK_QUADRATIC_LOW,
    MASK_ROW,
    ExtensionRows,
    OpenedRows,
)
from proofward.proof.forms import LEFT, ONE, PRODUCT, RIGHT, ZERO
from proofward.proof.transcript import Label, draw_extension, draw_indices, expand_extension

Array = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class _Challenges:
    """What the combined row depends on: rho has an E-array for each tableau, the last is for rows over E."""

    kappa: Ext
    z: Ext
    rho: list[Array]
    beta: Ext


@dataclass(frozen=True, slots=True)
class ColumnClaims:
    """What opened columns have to agree with.

    weights: of the rows of each tableau in the polynomial V. The polynomials p of the functional and q of the
    products (kappa) agree with the columns of the masks, which only a simulator has to see to.
    """

    functional: Functional
    rows: OpenedRows
    kappa: Ext
    weights: list[Array]
    delivery: Delivery

    @property
    def p(self) -> Array:
        return _known(self.delivery.p)

    @property
    def q(self) -> Array:
        return _known(self.delivery.q)

    @property
    def combined(self) -> Array:
        return _known(self.delivery.combined)


def _known(polynomial: Array | None) -> Array:
    if polynomial is None:
        raise AssertionError("a polynomial that is committed and not said")
    return polynomial


class OpeningWitness(Protocol):
    """What a prover computes in an opening."""

    def linear_polynomial(self, functional: Functional) -> Array: ...

    def quotient(self, kappa: Ext) -> Array: ...

    def evaluations(self, rho: list[Array], triple_rows: list[int], z: Ext) -> Array: ...

    def combined_row(self, weights: list[Array]) -> Array: ...


Known = Callable[[], OpeningWitness]


def combine(
    party: Conversation, delivery: Delivery, rows: OpenedRows, known: Known
) -> tuple[list[int], ColumnClaims]:
    """Everything before the columns: which these are, and what they have to agree with.

    Every party but the counter checks what it hears, so a prover never sends a proof that is refused. Only a
    prover is asked for what is `known`.
    """
    code = delivery.code
    gamma, kappa = party.challenge(), party.challenge()
    functional = Functional(party.constraints, gamma, rows.layouts, rows.extension)
    delivery.tests(
        -functional.constant,
        lambda: known().linear_polynomial(functional),
        lambda: known().quotient(kappa),
    )
    z = _point_outside_base_field(party)
    rho = _row_coefficients(party, rows)
    values = _values_at(party, rows.extension, rho, z, known)
    drawn = _Challenges(kappa, z, rho, party.challenge())
    weights = _row_weights(code, functional, rows, drawn)
    claim = PointClaim(z, drawn.beta, _combined_value(code, values, drawn))
    delivery.combined_row(claim, lambda: known().combined_row(weights))
    indices = draw_indices(party.challenger, Label.QUERIES, code.queries, code.n)
    return indices, ColumnClaims(functional, rows, kappa, weights, delivery)


def _point_outside_base_field(party: Conversation) -> Ext:
    """z, uniform in E without F."""
    z = draw_extension(party.challenger, Label.OUT_OF_DOMAIN)
    while z.c1 == 0:
        z = draw_extension(party.challenger, Label.OUT_OF_DOMAIN)
    return z


def _row_coefficients(party: Conversation, rows: OpenedRows) -> list[Array]:
    """rho from a seed: a uniform coefficient for every row, but 1 for the mask v0."""
    seed = party.challenger.squeeze(Label.COMBINATION, 32)
    counts = [layout.rows for layout in rows.layouts] + [rows.extension.count]
    bounds = np.cumsum(counts)[:-1]
    drawn = expand_extension(seed, sum(counts))
    rho = [np.ascontiguousarray(part) for part in np.split(drawn, bounds, axis=1)]
    rho[-1][:, MASK_ROW] = (1, 0)
    return rho


def _triple_rows(rows: ExtensionRows) -> list[int]:
    """The rows over E of x_1, y_1, xy_1, x_2, .."""
    return [rows.product_row(kind, i) for i in range(rows.product_rows) for kind in (LEFT, RIGHT, PRODUCT)]


def _values_at(party: Conversation, rows: ExtensionRows, rho: list[Array], z: Ext, known: Known) -> Array:
    """s and the values of all triples at z."""
    triples = _triple_rows(rows)
    return party.exchange(
        Label.EVALUATIONS,
        1 + len(triples),
        lambda: known().evaluations(rho, triples, z),
        lambda values: values,
    )


def _row_weights(
    code: CodeParameters, functional: Functional, rows: OpenedRows, drawn: _Challenges
) -> list[Array]:
    """The weights of all rows in V, an E-array for each tableau."""
    beta, rho = drawn.beta, drawn.rho
    column_weights, extension_weights = functional.at(lagrange_at(drawn.z, code.k))
    weights = [
        ext_add(own, ext_scale(column, beta)) for own, column in zip(rho, column_weights, strict=False)
    ]
    extension = ext_add(rho[-1], ext_scale(as_array(extension_weights), beta))
    for row, weight in _mask_weights(code, drawn):
        add_at(extension, row, weight)
    scale = beta * beta * beta
    for row in _triple_rows(rows.extension):
        add_at(extension, row, scale)
        scale = scale * beta
    weights[rows.padded] = np.concatenate([weights[rows.padded], plane_weights(extension)], axis=1)
    return weights


def _mask_weights(code: CodeParameters, drawn: _Challenges) -> list[tuple[int, Ext]]:
    """The weights in V of the masks of p and q."""
    beta, square, z = drawn.beta, drawn.beta * drawn.beta, drawn.z
    return [
        (MASK_LINEAR_LOW, beta),
        (MASK_LINEAR_HIGH, beta * power(z, code.k)),
        (MASK_QUADRATIC_LOW, square),
        (MASK_QUADRATIC_HIGH, square * power(z, code.dimension - code.k)),
    ]


def _combined_value(code: CodeParameters, values: Array, drawn: _Challenges) -> Ext:
    """What V(z) - beta p(z) - beta^2 q(z) has to be, from the values at z."""
    beta, z = drawn.beta, drawn.z
    square = beta * beta
    products, weighted = ZERO, ZERO
    scale, kappa_power = square * beta, ONE
    for first in range(1, values.shape[1], 3):
        x, y, xy = (element(values, first + j) for j in range(3))
        products = products + kappa_power * (x * y - xy)
        kappa_power = kappa_power * drawn.kappa
        for value in (x, y, xy):
            weighted = weighted + scale * value
            scale = scale * beta
    quotient = products * (power(z, code.k) - 1).inverse()
    return element(values, 0) - square * quotient + weighted
