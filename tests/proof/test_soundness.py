"""The calculator's figures by independent formulas; every challenge is accounted for."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest

from proofward.field.scalar import P
from proofward.proof.commitment.ligero import choice
from proofward.proof.commitment.ligero.choice import choose_codes
from proofward.proof.commitment.ligero.code import CodeParameters
from proofward.proof.commitment.ligero.scheme import Ligero
from proofward.proof.commitment.ligero.vector_code import VectorCode
from proofward.proof.counter import Counter
from proofward.proof.soundness import Soundness, SoundnessBelowPolicy
from proofward.proof.transcript import Transcript
from tests.proof import committed
from tests.proof.cheats import RegionVerifier
from tests.proof.tableaux import tableau_rows
from tests.proof.toy import CODE, LOG_SIZE, plan, prove, toy, toy_witness


def missed_by(errors: int, n: int, queries: int) -> Fraction:
    """Probability that `queries` distinct columns of n avoid all of `errors` columns."""
    result = Fraction(1)
    for i in range(queries):
        result *= Fraction(max(0, n - errors - i), n - i)
    return result


def exact_query_error(code: CodeParameters | VectorCode) -> Fraction:
    """The worse of a tableau far from the code, and of a wrong word near it, without replacement."""
    e = (code.n - code.dimension) // 2
    far = missed_by(e + 1, code.n, code.queries)
    near = missed_by(code.n - (e + code.dimension - 1), code.n, code.queries)
    return max(far, near)


CODES = [
    CodeParameters(3, 6, 4, 1),
    CodeParameters(7, 11, 60, 2),
    CodeParameters(9, 12, 159, 4),
    CodeParameters(10, 13, 150, 4),
    CodeParameters(12, 14, 160, 4),
    CodeParameters(5, 9, 30, 1),
]


@pytest.mark.parametrize("code", CODES, ids=str)
def test_query_error_bounds_the_exact_probability(code: CodeParameters) -> None:
    exact = exact_query_error(code)
    assert 2.0**code.query_error >= exact
    # and it is the formula ((n + K) / 2n)^t to within rounding of e
    formula = code.queries * math.log2((code.n + code.dimension) / (2 * code.n))
    assert code.query_error == pytest.approx(formula, abs=2 * code.queries / code.n)
    assert code.query_error >= code.queries * math.log2((code.n + code.dimension - 2) / (2 * code.n))


@pytest.mark.parametrize("code", CODES, ids=str)
def test_two_words_within_the_radius_are_one(code: CodeParameters) -> None:
    e = (code.n - code.dimension) // 2
    assert 2 * e < code.n - code.dimension + 1


def test_measures_of_codes() -> None:
    code = CodeParameters(7, 11, 60, 2)
    assert (code.k, code.n, code.blinding, code.dimension) == (128, 2048, 121, 249)


@pytest.mark.parametrize(
    "parameters",
    [
        (7, 7, 10, 1),
        (0, 4, 1, 1),
        (7, 29, 10, 1),
        (7, 11, 0, 1),
        (7, 11, 10, 0),
        (7, 8, 65, 1),
        (5, 9, 33, 1),
        (7, 11, 400, 4),
    ],
)
def test_refuses_bad_codes(parameters: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError):
        CodeParameters(*parameters)


def test_query_error_is_monotone() -> None:
    by_queries = [CodeParameters(9, 13, t, 1).query_error for t in range(20, 400, 20)]
    assert by_queries == sorted(by_queries, reverse=True)
    by_rate = [CodeParameters(9, log_n, 50, 1).query_error for log_n in (11, 12, 13, 14)]
    assert by_rate == sorted(by_rate, reverse=True)
    by_openings = [CodeParameters(9, 12, 50, openings).query_error for openings in (1, 2, 4, 8)]
    assert by_openings == sorted(by_openings)


@pytest.mark.parametrize("values", [1_000, 100_000, 3_000_000, 300_000_000])
@pytest.mark.parametrize("bits", [40, 80, 100, 110])
@pytest.mark.parametrize("openings", [1, 4])
def test_chosen_codes_reach_the_policy(values: int, bits: int, openings: int) -> None:
    code, vector = choose_codes(values, bits, openings)
    assert code.openings == openings
    # columns are asked once, or twice where polynomials are committed: together the error is no larger
    bits += 2 if vector is None else 4
    assert exact_query_error(code) <= Fraction(1, 1 << bits)
    # one query fewer does not
    fewer = CodeParameters(code.log_k, code.log_n, code.queries - 1, openings)
    assert -fewer.query_error < bits
    # columns of the masks of q are uniform, see `opening.py`
    assert code.queries <= code.k
    if vector is not None:
        assert exact_query_error(vector) <= Fraction(1, 1 << bits)
        assert -VectorCode(vector.log_k, vector.log_n, vector.queries - 1).query_error < bits


@pytest.mark.parametrize("values", [1 << size for size in range(10, 33, 2)])
def test_polynomials_are_committed_where_that_saves_a_quarter(values: int) -> None:
    code, vector = choose_codes(values, 100, 4)
    said = min(choice._said(values, 100, 4), key=lambda each: each.cost)
    if vector is None:
        assert (code, vector) == said.codes and values < 1 << 23
        return
    assert values >= 1 << 19
    chosen = next(each for each in choice._committed(values, 100, 4) if each.codes == (code, vector))
    assert chosen.size <= 0.75 * said.size and chosen.seconds <= 1.2 * said.seconds
    assert code.log_k >= said.codes[0].log_k


def test_no_code_beyond_the_extension() -> None:
    with pytest.raises(SoundnessBelowPolicy):
        choose_codes(1_000_000, 2000, 4)


def test_bits_are_those_of_the_union_bound() -> None:
    soundness = Soundness()
    soundness.add("a", "t", 3)
    soundness.add("a", "t", 5)
    soundness.add_log2("b", "t", -100)
    expected = Fraction(8, P * P) + Fraction(1, 1 << 100)
    assert soundness.bits == pytest.approx(-math.log2(expected), abs=1e-9)
    assert [row.name for row in soundness.report()] == ["b", "a"]
    before = soundness.bits
    soundness.add("c", "t", 1)
    assert soundness.bits < before
    soundness.require(99)
    with pytest.raises(SoundnessBelowPolicy, match="policy demands 101"):
        soundness.require(101)


def test_bits_of_the_toy_relation_recomputed() -> None:
    """All error sources of the toy relation, from its description alone."""
    # leaves: 512 + 512 + 8 queries, 64 + 16 entries of the two tables
    depth = (2 * 512 + 8 + 64 + 16 - 1).bit_length()
    sumcheck_rounds = sum(range(depth)) + LOG_SIZE
    lookups = 2 * (1 << depth)
    tree = 2 * depth
    # one of each level, two at the leaves, three of the product, one of the short column, and a zero
    constraints = depth + 2 + 3 + 2
    measured = plan()
    assert measured.pads == 1 + 2 * sumcheck_rounds
    assert measured.products == 2 * depth + 1
    assert measured.constraints == constraints
    product_rows = 1
    field_error = Fraction(
        lookups
        + tree
        + 2 * sumcheck_rounds
        + constraints
        + product_rows
        + 2 * (CODE.k + CODE.dimension)
        + 2
        + 3 * product_rows
        + CODE.n
        + 5 * CODE.n,
        P * P,
    )
    bits = -math.log2(float(field_error) + 2.0**CODE.query_error)
    assert measured.soundness_bits == pytest.approx(bits, abs=1e-9)
    sources = {row.name: row for row in measured.soundness.report()}
    assert sources["lookups"].log2_error == pytest.approx(math.log2(lookups) - 128, abs=1e-6)
    assert sources["proximity"].log2_error == pytest.approx(math.log2(CODE.n) - 128, abs=1e-6)
    assert sources["proximity, challenge beta"].log2_error == pytest.approx(
        math.log2(5 * CODE.n) - 128, abs=1e-6
    )
    assert "2020/654, Theorem 1.6" in sources["proximity"].theorem
    assert "2020/654, Theorem 1.5" in sources["proximity, challenge beta"].theorem
    assert "unique decoding" in sources["column queries"].theorem


def test_committed_polynomials_add_their_errors_and_change_no_other() -> None:
    code, vector = committed.SCHEME.code, committed.SCHEME.vector
    assert vector is not None
    said = Counter(Ligero(code)).run(lambda party: toy(party, None)).soundness
    own = committed.PLAN.soundness
    added = {name: sum(own.sources[key] for key in own.sources if key[0] == name) for name, _ in own.sources}
    assert {key: own.sources[key] for key in said.sources} == said.sources
    added = {name: error for name, error in added.items() if name not in {key[0] for key in said.sources}}
    # 48 columns are opened, and the vector has 2^10 entries
    numerators = {
        "claims on the polynomials": 48 + 1,
        "sumcheck of the polynomials": 2 * 10,
        "proximity of the polynomials": 2 * vector.n,
        "value of the polynomials": 1,
    }
    columns = added.pop("column queries of the polynomials")
    # 120 of 256 columns may be wrong, and a wrong row agrees with 120 + 16 - 1
    assert columns == pytest.approx((135 / 256) ** 40)
    assert columns >= exact_query_error(vector)
    assert added == {name: pytest.approx(numerator / P**2) for name, numerator in numerators.items()}


def test_lengths_of_the_toy_proof_follow_from_the_plan() -> None:
    proof = prove(toy_witness(3))
    verifier = RegionVerifier(Transcript(b"toy"), plan(), proof)
    verifier.run(lambda party: toy(party, None), 20)
    assert verifier.regions[-1].stop == len(proof)
    assert all(a.stop == b.start for a, b in zip(verifier.regions, verifier.regions[1:], strict=False))
    lengths: dict[str, int] = {}
    for region in verifier.regions:
        lengths[region.what] = lengths.get(region.what, 0) + region.stop - region.start
    measured = plan()
    assert lengths["tableau root"] == 64
    assert lengths["padded message"] == 16 * (measured.pads + 2 * measured.products)
    assert lengths["linear test polynomial"] == 16 * (CODE.k + CODE.dimension)
    assert lengths["quadratic test quotient"] == 16 * (2 * CODE.dimension - CODE.k)
    assert lengths["combined row"] == 16 * CODE.dimension
    data_rows, witness_rows = tableau_rows(measured)
    assert lengths["columns of data"] == 8 * CODE.queries * data_rows
    assert lengths["columns of witness"] == 8 * CODE.queries * witness_rows
    assert lengths["salts of data"] == 32 * CODE.queries
