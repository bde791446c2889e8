"""The functional of the constraints, and the opening's polynomials, against naive dense evaluation."""

from __future__ import annotations

import numpy as np
import pytest

from proofward.field.extension import Ext
from proofward.field.goldilocks import random_field
from proofward.field.ntt import domain
from proofward.field.scalar import P
from proofward.proof.algebra import (
    as_array,
    element,
    evaluate_polynomial,
    lagrange_at,
    plane_weights,
    power,
    sum_of_products,
    sum_over_subgroup,
)
from proofward.proof.commitment.ligero.functional import Functional
from proofward.proof.commitment.ligero.layout import ExtensionRows, Layout
from proofward.proof.forms import (
    LEFT,
    ONE,
    PAD,
    PRODUCT,
    RIGHT,
    ZERO,
    Column,
    Form,
    combination,
    pad_key,
    total,
)
from tests.proof.toy import seeded

LOG_K = 3
K = 1 << LOG_K
SIZES = [[5, 2, 3], [4, 0, 1, 2]]
LAYOUTS = [Layout(LOG_K, sizes) for sizes in SIZES]
ROWS = ExtensionRows(LOG_K, 11, 5)


def elements(count: int, seed: int) -> list[Ext]:
    drawn = random_field(2 * count, seeded(seed))
    return [Ext(int(drawn[2 * i]), int(drawn[2 * i + 1])) for i in range(count)]


def eq(point: tuple[Ext, ...], index: int) -> Ext:
    value = ONE
    for i, r in enumerate(point):
        value = value * (r if index >> (len(point) - 1 - i) & 1 else ONE - r)
    return value


def constraints() -> list[Form]:
    """Forms of every kind: large and small columns at points, shared low points, inner products, pads."""
    drawn = iter(elements(400, 5))

    def point(size: int) -> tuple[Ext, ...]:
        return tuple(next(drawn) for _ in range(size))

    columns = {
        (t, i): Column(t, i, size, f"{t}/{i}")
        for t, sizes in enumerate(SIZES)
        for i, size in enumerate(sizes)
    }
    low = point(3)
    forms = [columns[key].at(point(column.log_size)) * next(drawn) for key, column in columns.items()]
    forms.append(
        columns[0, 0].at((*point(2), *low)) + columns[1, 0].at((*point(1), *low)) * next(drawn) + next(drawn)
    )
    forms.append(columns[0, 2].at(low) - columns[0, 0].at((ZERO, ONE, *low)) + 7)
    forms.append(columns[0, 0].inner(as_array([next(drawn) for _ in range(32)])) * next(drawn))
    forms.append(columns[1, 3].inner(as_array([next(drawn) for _ in range(4)])))
    for kind, index in ((PAD, 0), (PAD, 10), (LEFT, 4), (RIGHT, 0), (PRODUCT, 3), (PAD, 0)):
        forms.append(Form(next(drawn), {pad_key(kind, index): next(drawn)}, []))
    forms.append(total(forms[:4]))
    return forms


def dense(
    forms: list[Form], gamma: Ext
) -> tuple[dict[tuple[int, int, int], Ext], dict[tuple[int, int], Ext], Ext]:
    """Weights by (tableau, row, position) and by (row over E, position), and the constant, entry by entry."""
    rows: dict[tuple[int, int, int], Ext] = {}
    extension: dict[tuple[int, int], Ext] = {}
    constant, scale = ZERO, ONE
    for form in forms:
        scale = scale * gamma
        constant = constant + scale * form.constant
        for key, coefficient in form.pads.items():
            where = ROWS.position(key)
            extension[where] = extension.get(where, ZERO) + scale * coefficient
        for coefficient, column, at in form.witness:
            placement = LAYOUTS[column.commitment].placements[column.index]
            for index in range(1 << column.log_size):
                weight = eq(at, index) if isinstance(at, tuple) else element(at, index)
                flat = placement.row * K + placement.offset + index
                where3 = (column.commitment, flat // K, flat % K)
                rows[where3] = rows.get(where3, ZERO) + scale * coefficient * weight
    return rows, extension, constant


@pytest.fixture(scope="module")
def gamma() -> Ext:
    return elements(1, 77)[0]


def test_weights_at_a_point_are_those_of_dense_rows(gamma: Ext) -> None:
    forms = constraints()
    functional = Functional(forms, gamma, LAYOUTS, ROWS)
    rows, extension, constant = dense(forms, gamma)
    assert functional.constant == constant
    z = elements(1, 78)[0]
    lagrange = lagrange_at(z, K)
    weights, extension_weights = functional.at(lagrange)
    assert [w.shape for w in weights] == [(2, layout.rows) for layout in LAYOUTS]
    assert len(extension_weights) == ROWS.count
    for tableau, layout in enumerate(LAYOUTS):
        for row in range(layout.rows):
            expected = ZERO
            for position in range(K):
                expected = expected + rows.get((tableau, row, position), ZERO) * element(lagrange, position)
            assert element(weights[tableau], row) == expected
    for row in range(ROWS.count):
        expected = ZERO
        for position in range(K):
            expected = expected + extension.get((row, position), ZERO) * element(lagrange, position)
        assert extension_weights[row] == expected


def test_parts_add_up_to_the_dense_rows(gamma: Ext) -> None:
    forms = constraints()
    functional = Functional(forms, gamma, LAYOUTS, ROWS)
    rows, extension, _ = dense(forms, gamma)
    found: dict[tuple[int, int, int], Ext] = {}
    for low, by_tableau in functional.large_terms():
        for tableau, weights in by_tableau.items():
            for row in range(weights.shape[1]):
                for position in range(K):
                    key = (tableau, row, position)
                    found[key] = found.get(key, ZERO) + element(weights, row) * eq(low, position)
    for (tableau, row), inside in functional.dense_rows().items():
        for position in range(K):
            key = (tableau, row, position)
            found[key] = found.get(key, ZERO) + element(inside, position)
    for key in rows.keys() | found.keys():
        assert found.get(key, ZERO) == rows.get(key, ZERO), key
    parts = functional.dense_extension_rows
    for row in range(ROWS.count):
        for position in range(K):
            value = element(parts[row], position) if row in parts else ZERO
            assert value == extension.get((row, position), ZERO)


def test_terms_of_one_low_point_are_shared(gamma: Ext) -> None:
    column = Column(0, 0, 5, "a")
    low = tuple(elements(3, 9))
    forms = [column.at((*elements(2, seed), *low)) for seed in range(10, 20)]
    functional = Functional(forms, gamma, LAYOUTS, ROWS)
    assert len(functional.large_terms()) == 1


def test_forms_are_affine() -> None:
    a, b = elements(2, 1)
    column = Column(0, 0, 2, "c")
    point = tuple(elements(2, 2))
    form = (column.at(point) * a + Form(b, {3: a}, [])) * 2 - Form(ZERO, {3: a, 4: ONE}, []) - 5
    assert form.constant == b * 2 - 5
    assert form.pads == {3: a, 4: -ONE}
    assert [(c, col.name, at) for c, col, at in form.witness] == [(a * 2, "c", point)]
    assert (1 - Form.of(a)).constant == ONE - a
    with pytest.raises(ValueError, match="length 1, expected 2"):
        column.at((a,))
    with pytest.raises(ValueError, match="weights"):
        column.inner(as_array([a]))


def test_combinations_are_sums_of_multiples() -> None:
    a, b, c = elements(3, 1)
    column = Column(0, 0, 2, "c")
    point = tuple(elements(2, 2))
    forms = [column.at(point) * a + 3, Form(b, {3: a, 4: c}, []), Form(c, {3: b}, []) - column.at(point)]
    made = combination(a, zip((b, ONE, c), forms, strict=True))
    expected = forms[0] * b + forms[1] + forms[2] * c + a
    assert (made.constant, made.pads, made.witness) == (expected.constant, expected.pads, expected.witness)
    assert combination(b, []).constant == b


def naive_value(coefficients: np.ndarray, z: Ext) -> Ext:
    value = ZERO
    for i in reversed(range(coefficients.shape[1])):
        value = value * z + element(coefficients, i)
    return value


@pytest.mark.parametrize("length", [1, 2, 7, 30])
def test_polynomials_against_naive_evaluation(length: int) -> None:
    coefficients = random_field(2 * length, seeded(length)).reshape(2, length)
    z = elements(1, 3)[0]
    assert evaluate_polynomial(coefficients, z) == naive_value(coefficients, z)
    total_over_h = ZERO
    for h in domain(K).tolist():
        total_over_h = total_over_h + naive_value(coefficients, ONE * h)
    assert sum_over_subgroup(coefficients, K) == total_over_h


def test_lagrange_basis_interpolates() -> None:
    z = elements(1, 4)[0]
    lagrange = lagrange_at(z, K)
    points = domain(K).tolist()
    for degree in range(K):
        value = ZERO
        for i, h in enumerate(points):
            value = value + element(lagrange, i) * pow(h, degree, P)
        assert value == power(z, degree)


def test_plane_weights() -> None:
    weight, value = elements(2, 7)
    weights = plane_weights(as_array([weight]))
    combined = element(weights, 0) * value.c0 + element(weights, 1) * value.c1
    assert combined == weight * value


@pytest.mark.parametrize("length", [1, 7, 8, 9, 13, 16, 17, 30])
@pytest.mark.parametrize("count", [1, 16, 19])
def test_sums_of_products_of_values_and_coefficients(length: int, count: int) -> None:
    # polynomials of fewer and of more coefficients than there are points in H; edge values among them
    lefts = [elements(K, 50 + i) for i in range(count)]
    rights = [elements(length, 90 + i) for i in range(count)]
    lefts[0][:3], rights[0][:1] = [Ext(P - 1, P - 1), Ext(0), Ext(2**32, 2**32 - 1)], [Ext(P - 1, P - 1)]
    found = sum_of_products(
        [(as_array(a), as_array(b)) for a, b in zip(lefts, rights, strict=True)],
        len(lefts[0]) + len(rights[0]),
    )
    assert found.shape == (2, K + length)
    assert element(found, K + length - 1) == ZERO
    z = Ext(3, 5)
    basis = lagrange_at(z, K)
    expected = ZERO
    for a, b in zip(lefts, rights, strict=True):
        left = sum((element(basis, i) * value for i, value in enumerate(a)), ZERO)
        expected = expected + left * evaluate_polynomial(as_array(b), z)
    assert evaluate_polynomial(found, z) == expected
