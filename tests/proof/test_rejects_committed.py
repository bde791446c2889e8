"""Everything that is said where an opening's polynomials are committed, changed by a prover who forges the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from proofward.field.reference import reference_arithmetic
from proofward.field.scalar import P
from proofward.proof.commitment.ligero.committed import PHASE, Committed
from proofward.proof.commitment.ligero.scheme import Ligero
from proofward.proof.errors import ProofRejected
from proofward.proof.prover import Prover
from proofward.proof.transcript import Label, Transcript
from proofward.proof.verifier import Verifier
from tests.proof.cheats import (
    FarFromItsCode,
    Forger,
    Inventory,
    Recorder,
    Region,
    WithFalseProducts,
    changing_array,
    changing_entry,
    changing_message,
    refusal,
)
from tests.proof.committed import (
    PLAN,
    SCHEME,
    WITNESS,
    CarriesOn,
    ChoosesLate,
    ExchangesLate,
    FillsTheRest,
    TellsOtherColumns,
    changing_kept,
    changing_said,
    delivering,
    far_from_the_code,
    plus_one,
    told,
    verify,
)
from tests.proof.toy import seeded, toy
from tests.sampling import sampled

CLAIMS, ROW = "claims on the polynomials", "row of the polynomials"
COLUMNS, ROOT = "column queries of the polynomials", "root of polynomials"
VARIABLES = 10


@pytest.fixture(scope="module")
def honest() -> bytes:
    return told()


@pytest.fixture(scope="module")
def regions(honest: bytes) -> list[Region]:
    return verify(honest).regions


def of(regions: list[Region], what: str) -> list[Region]:
    return [region for region in regions if region.what == what]


def test_accepts_an_honest_proof_also_by_the_reference(honest: bytes) -> None:
    assert verify(honest).soundness == PLAN.soundness
    PLAN.proof_length.check(len(honest))
    with reference_arithmetic():
        verify(honest)


def test_accepts_a_forger_with_nothing_to_forge(honest: bytes) -> None:
    assert told(Forger) == honest


def test_a_prover_measures_apart_what_committing_takes() -> None:
    prover = Prover(Transcript(b"toy"), PLAN, seeded(1))
    prover.run(lambda party: toy(party, WITNESS))
    found = prover.phases.processor_seconds
    assert found[PHASE] > 0 and found["opening"] > 0 and set(found) == set(prover.phases.seconds)


def test_polynomials_are_not_said(regions: list[Region]) -> None:
    names = {region.what for region in regions}
    assert not names & {"linear test polynomial", "quadratic test quotient", "combined row"}
    lengths = {what: sum(r.stop - r.start for r in of(regions, what)) for what in names}
    code = SCHEME.vector
    assert code is not None
    assert lengths["root of polynomials"] == 2 * 32
    assert lengths["sumcheck of polynomials"] == 16 * 2 * VARIABLES
    assert lengths["values of the vector"] == 16 * 2
    assert lengths["row of the vector"] == 16 * code.k
    # 64 + 113 coefficients of p, 2 * 113 - 64 of q and 113 of V, in rows of 16
    assert lengths["columns of the vector"] == 16 * code.queries * (12 + 11 + 8)


@pytest.mark.parametrize("number", [0, 1, 2], ids=["p", "q", "V"])
@pytest.mark.parametrize("position", [1, 64, -1])
@pytest.mark.parametrize("carried", [False, True])
def test_rejects_a_wrong_polynomial_that_agrees_with_the_sum_and_the_value(
    number: int, position: int, carried: bool
) -> None:
    """V is made to agree with p and q at z, so only opened columns tell, hence the claims on them."""
    forger = changing_kept(number, position)
    delivery, check = (CarriesOn, COLUMNS) if carried else (Committed, CLAIMS)
    assert refusal(lambda: verify(told(delivering(delivery, forger)))) == check


@pytest.fixture(scope="module")
def columns() -> dict[tuple[int, int], Any]:
    verify(told(Recorder))
    return dict(Recorder.last.columns)


ALL_COLUMNS = Inventory(SCHEME)
ALL_COLUMNS.run(lambda party: toy(party, None))
ENTRIES = [(own.commitment, own.index, own.log_size, part) for own in ALL_COLUMNS.columns for part in (0, 1)]


def rejects_also_where_it_is_carried_on(forger: type[Forger]) -> None:
    assert refusal(lambda: verify(told(delivering(Committed, forger)))) == CLAIMS
    assert refusal(lambda: verify(told(delivering(CarriesOn, forger)))) == COLUMNS


@pytest.mark.parametrize(("commitment", "index", "log_size", "part"), sampled(ENTRIES, [ENTRIES[0], ENTRIES[5]]))
def test_rejects_a_changed_entry_of_every_column(
    columns: dict[tuple[int, int], Any], commitment: int, index: int, log_size: int, part: int
) -> None:
    """The first entry or the last one."""
    position = part * ((1 << log_size) - 1)
    rejects_also_where_it_is_carried_on(changing_entry((commitment, index), position, columns))


MESSAGES = range(PLAN.pads + 2 * PLAN.products)


@pytest.mark.parametrize("target", sampled(MESSAGES, [5, 40, MESSAGES[-1]]))
def test_rejects_every_changed_message(target: int) -> None:
    rejects_also_where_it_is_carried_on(changing_message(target))


@pytest.mark.parametrize("scheme", [WithFalseProducts, FarFromItsCode])
def test_rejects_false_products_and_tableaux_far_from_the_code(scheme: type[Ligero]) -> None:
    assert refusal(lambda: verify(told(delivering(Committed, Forger, scheme)))) == CLAIMS
    assert refusal(lambda: verify(told(delivering(CarriesOn, Forger, scheme)))) == COLUMNS


@pytest.mark.parametrize("position", range(4))
def test_rejects_wrong_values_at_the_point(position: int) -> None:
    """V as it is does not agree with them at z, and a V that does not with the columns."""
    honest = changing_array(Label.EVALUATIONS, position, 1)
    assert refusal(lambda: verify(told(honest))) == CLAIMS
    fitting = changing_said(Label.EVALUATIONS, 0, lambda values: plus_one(values, position, 1), Forger)
    assert refusal(lambda: verify(told(delivering(Committed, fitting)))) == CLAIMS
    assert refusal(lambda: verify(told(delivering(CarriesOn, fitting)))) == COLUMNS


@pytest.mark.parametrize(
    ("number", "position"),
    sampled([(i, j) for i in range(VARIABLES) for j in range(2)], [(0, 0), (0, 1), (9, 1)]),
)
def test_rejects_a_wrong_message_of_the_sumcheck(number: int, position: int) -> None:
    prover = changing_said(Label.SUMCHECK, number, lambda values: plus_one(values, position, 1))
    assert refusal(lambda: verify(told(prover))) == CLAIMS


@pytest.mark.parametrize("position", [0, 1], ids=["value", "combination by the seed"])
def test_rejects_wrong_values_of_the_vector(position: int) -> None:
    prover = changing_said(Label.VECTOR_VALUES, 0, lambda values: plus_one(values, position))
    assert refusal(lambda: verify(told(prover))) == ROW


@pytest.mark.parametrize("position", [0, 7, 15])
def test_rejects_a_wrong_row(position: int) -> None:
    prover = changing_said(Label.VECTOR_ROW, 0, lambda values: plus_one(values, position))
    assert refusal(lambda: verify(told(prover))) == ROW


@pytest.mark.parametrize("number", [0, 1], ids=["p and q", "V"])
def test_rejects_wrong_columns_siblings_and_roots_of_the_matrices(number: int) -> None:
    changes: list[tuple[Label, Callable[[Any], Any], set[str]]] = [
        (Label.VECTOR_COLUMNS, lambda values: plus_one(values, 11), {COLUMNS}),
        (Label.VECTOR_SIBLINGS, lambda data: data[:-1] + bytes((data[-1] ^ 1,)), {ROOT}),
        (Label.POLYNOMIALS, lambda data: bytes((data[0] ^ 1,)) + data[1:], {ROOT}),
    ]
    for label, change, checks in changes:
        proof = told(changing_said(label, number, change))
        assert refusal(lambda data=proof: verify(data)) in checks | {ROOT}, label


@pytest.mark.parametrize("number", [0, 1], ids=["p and q", "V"])
def test_rejects_a_matrix_with_a_row_that_is_no_codeword(number: int) -> None:
    assert refusal(lambda: verify(told(delivering(far_from_the_code(number))))) == COLUMNS


def test_rejects_a_polynomial_that_is_chosen_when_the_columns_are_known() -> None:
    assert refusal(lambda: verify(told(delivering(ChoosesLate)))) in (ROW, COLUMNS)
    assert refusal(lambda: verify(told(delivering(ExchangesLate)))) == ROOT


def test_rejects_claims_on_other_columns_than_those_opened() -> None:
    """The verifier absorbs what it opened, so the challenges differ from there on."""
    assert refusal(lambda: verify(told(delivering(TellsOtherColumns)))) == ROW


def test_what_stands_behind_the_polynomials_does_not_count() -> None:
    verify(told(delivering(FillsTheRest)))


@pytest.mark.parametrize("what", ["row of the vector", "columns of the vector", "values of the vector"])
def test_rejects_elements_that_are_not_canonical(honest: bytes, regions: list[Region], what: str) -> None:
    for region in of(regions, what):
        data = honest[: region.stop - 8] + P.to_bytes(8, "little") + honest[region.stop :]
        with pytest.raises(ProofRejected, match=f"{what} at byte {region.stop - 8}: expected an element"):
            verify(data)


def test_rejects_a_flipped_bit_of_every_part(honest: bytes, regions: list[Region]) -> None:
    checks: dict[str, set[str]] = {}
    for region in regions:
        for position in {region.start, (region.start + region.stop) // 2}:
            data = bytearray(honest)
            data[position] ^= 1
            checks.setdefault(region.what, set()).add(refusal(lambda own=bytes(data): verify(own)))
    assert checks.pop("columns of the vector") == checks.pop("siblings of the vector") == {ROOT}
    assert checks.pop("columns of data") | checks.pop("salts of data") == {"tableau root"}
    assert checks.pop("row of the vector") == checks.pop("values of the vector") == {ROW}
    # what is said before a challenge changes it, and the length and all that follows
    assert checks.pop("sumcheck of polynomials") <= {CLAIMS, ROW, "length"}


def test_rejects_every_cut(honest: bytes, regions: list[Region]) -> None:
    for region in regions[::7]:
        assert refusal(lambda own=honest[: region.start]: verify(own)) == "length"
    assert refusal(lambda: verify(honest + bytes(64))) == "length"


class Listing(Transcript):
    """Notes what is absorbed and drawn, repetitions once."""

    def __init__(self, statement: bytes) -> None:
        self.events: list[str] = []
        super().__init__(statement)

    def _note(self, event: str) -> None:
        if self.events[-1:] != [event]:
            self.events.append(event)

    def absorb(self, label: Label, data: bytes) -> None:
        self._note(f"absorb {label.name}")
        super().absorb(label, data)

    def squeeze(self, label: Label, length: int) -> bytes:
        self._note(f"draw {label.name}")
        return super().squeeze(label, length)


def test_everything_is_absorbed_before_what_depends_on_it(honest: bytes) -> None:
    challenger = Listing(b"toy")
    Verifier(challenger, PLAN, honest).run(lambda party: toy(party, None), 20)
    last = max(i for i, event in enumerate(challenger.events) if event == "absorb MESSAGE")
    sumcheck = ["absorb SUMCHECK", "draw CHALLENGE"] * VARIABLES
    columns = ["absorb VECTOR_COLUMNS", "absorb VECTOR_SIBLINGS"] * 2
    # from the challenge of the toy's last claim, gamma and kappa on
    assert challenger.events[last + 1 :] == [
        "draw CHALLENGE", "absorb POLYNOMIALS", "draw OUT_OF_DOMAIN", "draw COMBINATION",
        "absorb EVALUATIONS", "draw CHALLENGE", "absorb POLYNOMIALS", "draw QUERIES",
        "absorb COMBINED_COLUMNS", "draw CHALLENGE", *sumcheck, "draw VECTOR_COMBINATION",
        "absorb VECTOR_VALUES", "draw CHALLENGE", "absorb VECTOR_ROW", "draw VECTOR_QUERIES", *columns,
    ]  # fmt: skip
