"""The opening of all tableaux of a proof: proximity, linear constraints and products, in one combined row.

What is proved: the rows of every tableau are (outside a few columns) words of one Reed-Solomon code, hence
fixed polynomials W_i of degree < K;
the functional of the linear constraints is zero on them; PRODUCT = LEFT * RIGHT in every triple.

Message order (k = |H|, n points, K = code dimension, t queries):
 1. V: gamma, kappa.            P: p(X), k + K coefficients, and the quotient q(X), 2K - k coefficients.
 2. V: z in E \\ F, seed of rho. P: s = v0(z) + sum_i rho_i W_i(z), and x_i, y_i, z_i, the values at z of each
 triple.
 3. V: beta.                    P: the combined row V(X), K coefficients.
 4. V: t distinct columns.      P: those columns of every tableau, with salts and Merkle siblings.
Here p = sum_i L_i W_i + m1 + X^k m2 and q (X^k - 1) = sum_i kappa^i (x_i y_i - z_i as polynomials) + (X^k -
1)(g1 + X^(K-k) g2), with mask rows m, g;
V = v0 + sum_i rho_i W_i + beta (row combination of p at z) + beta^2 (of q) + beta^3.. (of x_1, y_1, z_1, ..).
Checks: sum of p over H = minus the constraints' constants; V(z) = s + beta p(z) + beta^2 (q(z) - (sum kappa^i
(x_i y_i - z_i)) / (z^k - 1)) + ..; V at every
opened column is the combination of its entries; the Merkle openings.

Soundness: if the words are not e-close to the code, e = floor((n - K) / 2), a uniform affine combination is,
with probability <= n / |E| only (proximity gap);
so V differs from it in more than e columns. If they are, the W_i are fixed before gamma. A false constraint
survives gamma with probability <= C / |E|
(the masks' sum over H is the constant term of that polynomial in gamma, so it need not be zero to be sound),
a false product kappa with <= rows / |E|,
a wrong p or q the point z with <= 2(k + K) / |E|, a wrong value at z the challenge beta with <= claims / |E|;
then V is not the right codeword and
agrees with it in at most e + K - 1 columns. Sending the products' polynomials at a random z instead of
testing them on columns keeps the error of
all tests at ((n + K) / 2n)^t, where Ligero's column test of degree 2k polynomials would need half as many
columns again.

How it hides: p, q, V are uniform by their masks (m1, m2 overlap in K - k coefficients and g1, g2 in k, so
opened columns of masks tell nothing of p or q);
x, y, z and opened columns are uniform by the K - k >= t + 1 random coefficients of each row; s follows from
the rest. Unopened columns are hidden by salts.
Source: Ames, Hazay, Ishai, Venkitasubramaniam, Ligero (2017, 2022/1608), with out-of-domain sampling.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from proofward.field.extension import ext_add, ext_scale
from proofward.field.scalar import P
from proofward.proof.algebra import (
    add_at,
    as_array,
    element,
    evaluate_polynomial,
    lagrange_at,
    plane_weights,
    power,
    sum_over_subgroup,
)
from proofward.proof.forms import LEFT, ONE, PRODUCT, RIGHT, ZERO
from proofward.proof.functional import Functional
from proofward.proof.layout import (
    MASK_LINEAR_HIGH,
    MASK_LINEAR_LOW,
    MASK_QUADRATIC_HIGH,
    MASK_QUADRATIC_LOW,
    MASK_ROW,
    ExtensionRows,
)
from proofward.proof.party import Party
from proofward.proof.soundness import CodeParameters, Soundness
from proofward.proof.transcript import Label, draw_extension, draw_indices, expand_extension

Array = npt.NDArray[np.uint64]


def opening_soundness(
    soundness: Soundness, code: CodeParameters, constraints: int, product_rows: int
) -> None:
    """Enter the error sources of an opening.

    Of p and q, a false statement has one that is wrong for a known reason. The difference between the two
    sides of its identity has degree at most max(k + K, 2K) - 1 < 2 (k + K).
    """
    values = 2 + 3 * product_rows  # the powers of beta that weigh p, q and the values at z
    soundness.add("linear constraints", "Schwartz-Zippel", constraints)
    soundness.add("products", "Schwartz-Zippel", product_rows)
    soundness.add("out-of-domain point", "Schwartz-Zippel", 2 * (code.k + code.dimension))
    soundness.add("values at the out-of-domain point", "Schwartz-Zippel", values)
    soundness.add("proximity", "Ben-Sasson et al. 2020/654, Theorem 1.6 (unique decoding)", code.n)
    soundness.add(
        "proximity, challenge beta",
        "Ben-Sasson et al. 2020/654, Theorem 1.5 (unique decoding)",
        values * code.n,
    )
    soundness.add_log2("column queries", "distance of distinct codewords (unique decoding)", code.query_error)


def opening_elements(code: CodeParameters, product_rows: int) -> int:
    """How many elements of E are sent in an opening, columns aside: p, q, the values at z, and V."""
    p, q = code.k + code.dimension, 2 * code.dimension - code.k
    return p + q + 1 + 3 * product_rows + code.dimension


def open_tableaux(party: Party) -> None:
    """Run the opening; every party but the counter checks what it hears, so a prover never sends a proof that
    is refused.
    """
    code = party.code
    rows = ExtensionRows(code.log_k, party.pads, party.products)
    gamma, kappa = party.challenge(), party.challenge()
    layouts = [tableau.layout for tableau in party.tableaux]
    opening_soundness(party.soundness, code, len(party.constraints), rows.product_rows)
    functional = Functional(party.constraints, gamma, layouts, rows)

    def with_sum(coefficients: Array) -> Array:
        missing = -functional.constant - sum_over_subgroup(coefficients, code.k)
        add_at(coefficients, 0, missing * pow(code.k, -1, P))
        return coefficients

    p = party.exchange(
        Label.LINEAR, code.k + code.dimension, lambda known: known.linear_polynomial(functional), with_sum
    )
    party.check("linear constraints", lambda: (sum_over_subgroup(p, code.k), -functional.constant))
    q = party.exchange(
        Label.QUADRATIC,
        2 * code.dimension - code.k,
        lambda known: known.quotient(rows, kappa),
        lambda values: values,
    )

    z = draw_extension(party.challenger, Label.OUT_OF_DOMAIN)
    while z.c1 == 0:
        z = draw_extension(party.challenger, Label.OUT_OF_DOMAIN)
    seed = party.challenger.squeeze(Label.COMBINATION, 32)
    rho = _split(
        expand_extension(seed, sum(layout.rows for layout in layouts) + rows.count),
        [x.rows for x in layouts] + [rows.count],
    )
    rho[-1][:, MASK_ROW] = (1, 0)
    triples = [(kind, i) for i in range(rows.product_rows) for kind in (LEFT, RIGHT, PRODUCT)]
    triple_rows = [rows.product_row(kind, i) for kind, i in triples]
    heard = party.exchange(
        Label.EVALUATIONS,
        1 + len(triples),
        lambda known: known.evaluations(rho, triple_rows, z),
        lambda values: values,
    )

    beta = party.challenge()
    column_weights, extension_weights = functional.at(lagrange_at(z, code.k))
    weights = [ext_add(rho[i], ext_scale(column_weights[i], beta)) for i in range(len(layouts))]
    extension = ext_add(rho[-1], ext_scale(as_array(extension_weights), beta))
    square = beta * beta
    masks = [
        (MASK_LINEAR_LOW, beta),
        (MASK_LINEAR_HIGH, beta * power(z, code.k)),
        (MASK_QUADRATIC_LOW, square),
        (MASK_QUADRATIC_HIGH, square * power(z, code.dimension - code.k)),
    ]
    for row, weight in masks:
        add_at(extension, row, weight)
    products = ZERO
    values = ZERO
    scale, kappa_power = square * beta, ONE
    for i in range(rows.product_rows):
        x, y, xy = (element(heard, 1 + 3 * i + j) for j in range(3))
        products = products + kappa_power * (x * y - xy)
        kappa_power = kappa_power * kappa
        for j, value in enumerate((x, y, xy)):
            values = values + scale * value
            add_at(extension, triple_rows[3 * i + j], scale)
            scale = scale * beta
    quotient_at_z = evaluate_polynomial(q, z) - products * (power(z, code.k) - 1).inverse()
    target = element(heard, 0) + beta * evaluate_polynomial(p, z) + square * quotient_at_z + values
    for i, tableau in enumerate(party.tableaux):
        if tableau.padded:
            weights[i] = np.concatenate([weights[i], plane_weights(extension)], axis=1)

    def with_value(coefficients: Array) -> Array:
        add_at(coefficients, 0, target - evaluate_polynomial(coefficients, z))
        return coefficients

    combined = party.exchange(
        Label.COMBINED_ROW, code.dimension, lambda known: known.combined_row(weights), with_value
    )
    party.check("combined row at the out-of-domain point", lambda: (evaluate_polynomial(combined, z), target))

    indices = draw_indices(party.challenger, Label.QUERIES, code.queries, code.n)
    party.open_columns(indices, weights, combined)


def _split(values: Array, counts: list[int]) -> list[Array]:
    """Consecutive parts of an E-array."""
    bounds = np.cumsum(counts)[:-1]
    return [np.ascontiguousarray(part) for part in np.split(values, bounds, axis=1)]
