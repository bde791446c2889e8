"""Lookups: what is in the tables is accepted, whatever is not is refused, with one tree or with two."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from proofward.field.extension import Ext, ext_shift
from proofward.field.goldilocks import random_field, to_field
from proofward.field.multilinear import evaluate
from proofward.field.scalar import P
from proofward.field.sums import fraction_level
from proofward.proof import leaves as leaves_module
from proofward.proof.algebra import element
from proofward.proof.commitment.ligero.scheme import Ligero
from proofward.proof.counter import Counter
from proofward.proof.errors import ProofRejected, WitnessError
from proofward.proof.forms import ONE, ZERO, Column, Form
from proofward.proof.leaf_values import Level, MadeLevel
from proofward.proof.leaves import Leaves, Query, eq_index, split_blocks
from proofward.proof.lookup import LinearCombination, LookupArgument
from proofward.proof.party import Party
from proofward.proof.tables import Table
from tests.proof.cheats import Recorder, replacing_columns
from tests.proof.scripts import CODE, accepts, prove_script, verify_script
from tests.proof.toy import seeded

Signed = np.ndarray
BYTE = Table.interval("range of 4 bits", 4, 0, 4)
SIGNED = Table.interval("signed", 5, -4, 3)
SQUARE = Table.of("squares", 70, np.arange(-8, 8), np.arange(-8, 8) ** 2)
SPARSE = Table.padded("sparse", 71, [-5, 3, 100])


def values(table: Table, log_size: int, seed: int) -> Signed:
    positions = np.random.default_rng(seed).integers(0, table.first.size, 1 << log_size)
    return table.first[positions]


Parts = list[tuple[Table, int]]


def script_of(parts: Parts, change: dict[str, Signed] | None = None) -> Callable[[Party], None]:
    """Columns looked up in their tables; those in `change` are other than they should be."""

    def column_values(name: str, honest: Signed) -> np.ndarray:
        return to_field((change or {}).get(name, honest))

    def script(party: Party) -> None:
        lookups = LookupArgument(party)
        for number, (table, log_size) in enumerate(parts):
            first = values(table, log_size, number)
            name = f"c{number}"
            column = party.declare(name, log_size, lambda n=name, v=first: column_values(n, v))
            second = None
            if table.second is not None:
                squares = first**2
                pair = party.declare(
                    f"d{number}", log_size, lambda n=f"d{number}", v=squares: column_values(n, v)
                )
                second = LinearCombination(((1, pair),))
            lookups.query(table, LinearCombination(((1, column),)), second)
        lookups.declare_multiplicities()
        party.commit("witness", padded=True)
        lookups.prove()

    return script


CASES: dict[str, Parts] = {
    "one value": [(BYTE, 0)],
    "one column": [(BYTE, 5)],
    "as many as entries": [(BYTE, 4)],
    "signed": [(SIGNED, 6)],
    "pairs": [(SQUARE, 6)],
    "a table with repeated entries": [(SPARSE, 5)],
    "columns of all sizes": [(BYTE, 0), (BYTE, 6), (SIGNED, 3), (SQUARE, 5), (BYTE, 1), (SPARSE, 2)],
    "a larger column than a row": [(BYTE, 9), (SQUARE, 8)],
}


@pytest.mark.parametrize("name", CASES)
def test_accepts_values_of_the_tables(name: str) -> None:
    accepts(script_of(CASES[name]))


@pytest.fixture
def two_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaves_module, "_OWN_TREE_FROM", 2)


OWN = [(BYTE, 6), (BYTE, 6), (SQUARE, 2)]


def test_queries_get_a_tree_of_their_own(two_trees: None) -> None:
    calls: list[int] = []
    counted = Counter(Ligero(CODE))
    original = counted.send_product
    counted.send_product = lambda *pair: (calls.append(1), original(*pair))[1]  # type: ignore[method-assign]
    counted.run(script_of(OWN))
    queries = [
        Query(table, LinearCombination(((1, Column(0, i, size, "")),))) for i, (table, size) in enumerate(OWN)
    ]
    tables = [(BYTE, Column(0, 9, 4, "")), (SQUARE, Column(0, 10, 4, ""))]
    split = split_blocks(queries, tables)
    assert [len(blocks) for blocks in split] == [2, 3]
    assert Leaves(split[0], ONE, ONE).only_ones and not Leaves(split[1], ONE, ONE).only_ones
    accepts(script_of(OWN))


@pytest.mark.parametrize("name", CASES)
def test_accepts_with_two_trees_where_they_pay(two_trees: None, name: str) -> None:
    accepts(script_of(CASES[name]))


def forge(parts: Parts, change: dict[str, Signed], multiplicities: dict[str, Signed] | None = None) -> bytes:
    """The best forgery for columns that are not in their tables."""
    prove_script(script_of(parts), Recorder)
    forger = replacing_columns({**change, **(multiplicities or {})}, dict(Recorder.last.columns))
    return prove_script(script_of(parts), forger)


@pytest.mark.parametrize("trees", [1, 2])
@pytest.mark.parametrize("wrong", [16, -1, P // 2, 1 << 40])
def test_rejects_a_value_that_is_no_entry(monkeypatch: pytest.MonkeyPatch, trees: int, wrong: int) -> None:
    if trees == 2:
        monkeypatch.setattr(leaves_module, "_OWN_TREE_FROM", 2)
    for position in (0, 63):
        column = values(BYTE, 6, 1)
        column[position] = wrong
        proof = forge(OWN, {"c1": column})
        with pytest.raises(ProofRejected, match="column queries"):
            verify_script(script_of(OWN), proof)


def test_prover_names_a_value_that_is_no_entry() -> None:
    column = values(BYTE, 5, 0)
    column[7] = 16
    with pytest.raises(WitnessError, match=r"c0\[7\]: looked-up value 16 is not in table range of 4 bits"):
        prove_script(script_of([(BYTE, 5)], {"c0": column}))


def test_rejects_a_pair_of_entries_of_different_rows() -> None:
    parts = CASES["pairs"]
    squares = values(SQUARE, 6, 0) ** 2
    squares[3] = squares[3] + 1 if squares[3] != 3 else 16
    with pytest.raises(ProofRejected, match="column queries"):
        verify_script(script_of(parts), forge(parts, {"d0": squares}))
    with pytest.raises(WitnessError):
        prove_script(script_of(parts, {"d0": squares}))


def test_rejects_an_entry_of_another_table() -> None:
    parts: Parts = [(BYTE, 4), (SPARSE, 3)]
    column = values(BYTE, 4, 0)
    column[0] = 100
    counts = np.bincount(values(BYTE, 4, 0)[1:], minlength=16)
    sparse = SPARSE.count(values(SPARSE, 3, 1), None)[0]
    sparse[2] += 1
    multiplicities = {"multiplicities of range of 4 bits": counts, "multiplicities of sparse": sparse}
    with pytest.raises(ProofRejected, match="column queries"):
        verify_script(script_of(parts), forge(parts, {"c0": column}, multiplicities))


def test_rejects_other_multiplicities() -> None:
    parts = CASES["one column"]
    counts = np.bincount(values(BYTE, 5, 0), minlength=16)
    moved = counts.copy()
    moved[0] += 1
    moved[1] -= 1
    for wrong in (counts + 1, np.zeros_like(counts), moved):
        proof = forge(parts, {}, {"multiplicities of range of 4 bits": wrong})
        with pytest.raises(ProofRejected, match="column queries"):
            verify_script(script_of(parts), proof)
    verify_script(script_of(parts), forge(parts, {}, {"multiplicities of range of 4 bits": counts}))


def test_refuses_tables_with_one_tag() -> None:
    party = Counter(Ligero(CODE))
    lookups = LookupArgument(party)
    column = party.declare("c", 2, lambda: np.zeros(4, np.uint64))
    for name in ("one", "two"):
        lookups.query(Table.interval(name, 7, 0, 2), LinearCombination(((1, column),)))
    with pytest.raises(ValueError, match="share a tag"):
        lookups.declare_multiplicities()


def elements(count: int, seed: int) -> tuple[Ext, ...]:
    drawn = random_field(2 * count, seeded(seed))
    return tuple(Ext(int(drawn[2 * i]), int(drawn[2 * i + 1])) for i in range(count))


def test_leaves_and_their_forms_agree() -> None:
    columns = [Column(0, 0, 3, "a"), Column(0, 1, 1, "b"), Column(0, 2, 1, "b squared"), Column(0, 3, 4, "m")]
    data = {
        0: values(BYTE, 3, 1),
        1: np.array([2, -3]),
        2: np.array([4, 9]),
        3: np.arange(16),
    }
    alpha, beta = elements(2, 5)
    blocks = [
        Query(BYTE, LinearCombination(((3, columns[0]),), -5)),
        Query(SQUARE, LinearCombination(((1, columns[1]),)), LinearCombination(((1, columns[2]),))),
        (SQUARE, columns[3]),
    ]
    tree = Leaves(blocks, alpha, beta)
    assert tree.depth == 5 and not tree.only_ones
    leaves = tree.values(lambda column: to_field(data[column.index]))
    level = Level(leaves.numerators([(0, 32)]), leaves.denominators([(0, 32)]))

    expected = [
        (-int(m), SQUARE.tag, int(a), int(b))
        for m, a, b in zip(data[3], SQUARE.first, SQUARE.second, strict=True)
    ]
    expected += [(1, BYTE.tag, 3 * int(v) - 5, 0) for v in data[0]]
    expected += [(1, SQUARE.tag, int(a), int(b)) for a, b in zip(data[1], data[2], strict=True)]
    for i, (numerator, tag, first, second) in enumerate(expected):
        assert element(level.numerators, i) == ONE * numerator
        assert element(level.denominators, i) == alpha - first - beta * second - beta * beta * tag
    # in parts as in one piece, and shifted
    for ranges in ([(0, 32)], [(3, 7), (13, 31)], [(24, 26), (16, 20)], [(28, 32)], [(5, 5), (25, 27)]):
        at = [i for start, stop in ranges for i in range(start, stop)]
        assert np.array_equal(leaves.numerators(ranges), level.numerators[:, at])
        assert np.array_equal(leaves.denominators(ranges), level.denominators[:, at])
        shifted = ext_shift(level.denominators[:, at], beta)
        assert np.array_equal(leaves.denominators(ranges, beta), shifted)
    above = MadeLevel(leaves, only_ones=False).whole()
    made = fraction_level(level.numerators, level.denominators)
    assert np.array_equal([above.numerators, above.denominators], made)
    for i in range(len(expected), 32):
        assert (element(level.numerators, i), element(level.denominators, i)) == (ZERO, ONE)

    point = elements(5, 6)
    for form, plane in zip(
        tree.forms(Counter2(), point), (level.numerators, level.denominators), strict=True
    ):
        assert value_of(form, data) == evaluate(plane, point)


class Counter2(Counter):
    """A counter that does compute public values."""

    def __init__(self) -> None:
        super().__init__(CODE)

    def public(self, compute: Callable[[], Ext]) -> Ext:
        return compute()


def value_of(form: Form, data: dict[int, Signed]) -> Ext:
    value = form.constant
    for coefficient, column, at in form.witness:
        assert isinstance(at, tuple)
        value = value + coefficient * evaluate(to_field(data[column.index]), at)
    return value


@pytest.mark.parametrize("table", [BYTE, SIGNED, SQUARE, SPARSE], ids=lambda table: table.name)
def test_tables_have_the_extensions_of_their_entries(table: Table) -> None:
    point = elements(table.log_size, 8)
    assert table.first_at(point) == evaluate(to_field(table.first), point)
    expected = ZERO if table.second is None else evaluate(to_field(table.second), point)
    assert table.second_at(point) == expected


def test_counts_name_the_first_bad_position() -> None:
    counts, bad = SPARSE.count(np.array([3, 100, 3, -5]), None)
    assert bad == -1 and counts.sum() == 4 and counts[1] == 2 and counts[2] + counts[3] == 1
    assert SPARSE.count(np.array([3, 4, 5]), None)[1] == 1
    assert SPARSE.count(np.array([3, 101]), None)[1] == 1
    assert SPARSE.count(np.array([-6]), None)[1] == 0
    assert SQUARE.count(np.array([2, 2]), np.array([4, 5]))[1] == 1


def test_eq_index_is_one_at_its_index() -> None:
    for index in range(8):
        bits = tuple(ONE if index >> (2 - i) & 1 else ZERO for i in range(3))
        assert [eq_index(bits, other) for other in range(8)] == [
            ONE if o == index else ZERO for o in range(8)
        ]
