"""Noise of counts that was not drawn as it should be, by a prover that forges whatever it can: refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast
from unittest import mock

import numpy as np
import pytest

from proofward.field.goldilocks import add, random_field
from proofward.layers.basics.errors import ConfigurationError
from proofward.proof.commitment.ligero.simulated import SimulatedTableau
from proofward.proof.errors import ProofRejected, WitnessError
from proofward.proof.forms import Column
from proofward.proof.simulator import Simulator
from proofward.proof.transcript import Coins
from proofward.relations.counting_rounds.counting_round import CountingWitness, counting_round
from proofward.relations.counting_rounds.counting_statement import CountingStatement
from proofward.relations.evaluations.evaluation_round import EvaluationWitness, evaluation_round
from proofward.relations.proofs.counts_proof import check_counts, prove_counts
from proofward.relations.proofs.evaluation_proof import check_evaluation, prove_evaluation
from proofward.relations.proofs.measure import check_countable, plan_of
from proofward.relations.rules.noise_tables import noise_table
from proofward.relations.uploads.noise import Draws
from proofward.relations.uploads.noise_seed import NoiseSecret
from tests.proof.cheats import Inventory, changing_entry, refusal, replacing_columns
from tests.proof.tableaux import code_of, tableau_rows
from tests.proof.toy import seeded
from tests.proof.uniformity import COINS
from tests.relations.cases import NOISE_SEED, sealed
from tests.relations.evaluation_cases import ROWS, enrolled
from tests.relations.noisy_count_cases import (
    CLASSES,
    COUNTS,
    EVALUATION,
    LEVELS,
    VARIANCE,
    Made,
    drawn,
    encrypting,
    honest,
    honest_columns,
    proof_of,
    secret_of,
    verified,
)

honest_draws = Draws.of
DIGESTS = (b"", b"1" * 32, b"2" * 32)
SCRIPTS = {COUNTS: counting_round, EVALUATION: evaluation_round}
NAMES = (" words", "value", "low", "high", "above, limb 0", "below, limb 0", "multiplicities of noise of variance")


@pytest.fixture(params=[COUNTS, EVALUATION])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param  # type: ignore[no-any-return]


def stopped(kind: str, made: Made, columns: dict[str, Any] | None = None) -> str:
    """The verifier's refusal of the best forgery."""
    said = proof_of(made, replacing_columns(columns or {}, honest_columns(kind)))
    return refusal(lambda: verified(made, said))


def noise_of(made: Made) -> np.ndarray:
    return drawn(made.statement, made.witness.noise)


def test_honest_noise_is_accepted_from_a_prover_and_from_a_forger(kind: str) -> None:
    made = honest(kind)
    assert verified(made, proof_of(made)).soundness_bits >= 40
    assert (noise_of(made) != 0).any() and (made.witness.counts + noise_of(made) < 0).any()
    assert stopped_not(kind, made)


def stopped_not(kind: str, made: Made) -> bool:
    verified(made, proof_of(made, replacing_columns({}, honest_columns(kind))))
    return True


@pytest.mark.parametrize(("several", "change"), [(CLASSES, "none"), (CLASSES, "rolled"), (LEVELS, "rolled")])
def test_noise_of_three_classes_is_accepted_and_no_other(several: str, change: str) -> None:
    """One block has all cells of three classes, in another order than the vector's, and one those of levels."""
    made = honest(several)
    assert verified(made, proof_of(made)).soundness_bits >= 40
    noise = np.roll(noise_of(made), 1) if change == "rolled" else 0
    assert stopped(several, encrypting(made, made.witness.counts + noise)) == "column queries"


def test_rejects_the_noise_of_another_level() -> None:
    """The same draws, exchanged between two levels: the counts of all records have their own."""
    made = honest(LEVELS)
    noise = noise_of(made).reshape(4, -1)
    assert stopped(LEVELS, encrypting(made, made.witness.counts + noise[[0, 2, 1, 3]].reshape(-1))) == "column queries"


def test_proving_takes_the_seed_that_was_committed_to_and_no_other(kind: str) -> None:
    made = honest(kind)
    statement = made.statement
    for seed, right in ((NOISE_SEED, True), (b"o" * 32, False)):
        if kind == COUNTS:
            known = prove_counts, statement, made.witness.counts
        else:
            known = prove_evaluation, statement, enrolled(rows=ROWS)[1]
        if right:
            proved = known[0](*known[1:], seeded(1), sealed, noise_seed=seed)
            verified(made, (proved.ciphertext, proved.sealed_shares, proved.proof))
            continue
        with pytest.raises(WitnessError, match="seed of noise"):
            known[0](*known[1:], seeded(1), sealed, noise_seed=seed)


def test_rejects_counts_without_noise(kind: str) -> None:
    made = honest(kind)
    assert stopped(kind, encrypting(made, made.witness.counts)) == "column queries"


@pytest.mark.parametrize("entry", [0, -1])
def test_rejects_noise_that_is_one_off(kind: str, entry: int) -> None:
    made = honest(kind)
    message = made.witness.counts + noise_of(made)
    message[entry] += 1
    assert stopped(kind, encrypting(made, message)) == "column queries"


def test_rejects_noise_in_another_order(kind: str) -> None:
    """What was drawn for other entries, and in an evaluation for another block."""
    made = honest(kind)
    assert stopped(kind, encrypting(made, made.witness.counts + np.roll(noise_of(made), 1))) == "column queries"


def test_rejects_the_seed_of_another_attempt(kind: str) -> None:
    made = honest(kind)
    other = secret_of(made.statement, b"o" * 32)
    assert stopped(kind, encrypting(made, None, other)) == "tableau root"


def test_rejects_the_public_words_of_another_beacon(kind: str) -> None:
    made = honest(kind)
    earlier = replace(made.statement, beacon=b"e" * 32)
    words = earlier.public_words()
    changed = encrypting(made, made.witness.counts + drawn(earlier, made.witness.noise))
    with mock.patch.object(type(made.statement), "public_words", lambda statement: words):
        said = proof_of(changed, replacing_columns({}, honest_columns(kind)))
    assert refusal(lambda: verified(made, said)) == "linear constraints"


@pytest.mark.parametrize("edges", ["of the neighbour", "one that fits"])
@pytest.mark.parametrize("step", [-1, 1])
def test_rejects_a_neighbouring_value(kind: str, step: int, edges: str) -> None:
    """One more or less than the word gives, in its neighbour's interval, or in one that reaches to the word.

    So of the four lookups of a draw each is once the only one that does not hold.
    """
    made, table = honest(kind), noise_table(VARIANCE)
    words = add(made.witness.noise.words[0], made.statement.public_words()[0])
    found = next(at for at, word in enumerate(words) if reaches(table, int(word), step))
    message = made.witness.counts + noise_of(made)
    message[found] += step

    def neighbour(table: Any, words: Any) -> Draws:
        draws = honest_draws(table, words)
        values, low, high = draws.values.copy(), draws.low.copy(), draws.high.copy()
        values[found] += step
        number = values[found] + table.end
        if edges == "of the neighbour" or step < 0:
            low[found] = table.bounds[number]
        if edges == "of the neighbour" or step > 0:
            high[found] = table.bounds[number + 1]
        above, below = draws.above.copy(), draws.below.copy()
        above[found] = np.int64(int(words[found]) - int(low[found]))
        below[found] = np.int64(int(high[found]) - 1 - int(words[found]))
        return Draws(values, low, high, above, below)

    honest_columns(kind)
    with mock.patch.object(Draws, "of", neighbour):
        assert stopped(kind, encrypting(made, message)) == "column queries"


def reaches(table: Any, word: int, step: int) -> bool:
    """Whether the far end of the neighbour's interval is within a range check's reach of a word."""
    own = int(table.places(np.array([word], dtype=np.uint64))[0])
    if not 2 <= own + step < 2 * table.end - 1:
        return False
    far = table.bounds[own + 2] - 1 - word if step > 0 else word - table.bounds[own - 1]
    return bool(far < 1 << table.interval_bits)


def test_rejects_the_draws_of_a_smaller_variance(kind: str) -> None:
    made, smaller = honest(kind), noise_table(VARIANCE - 40)

    def narrower(table: Any, words: Any) -> Draws:
        return honest_draws(smaller, words)

    other = replace(made.statement.counting, noise=VARIANCE - 40)
    noise = drawn(replace(made.statement, counting=other), made.witness.noise)
    assert (noise != noise_of(made)).any()
    with mock.patch.object(Draws, "of", narrower):
        assert stopped(kind, encrypting(made, made.witness.counts + noise)) == "column queries"


def columns(kind: str) -> list[Column]:
    made = honest(kind)
    counter = Inventory(plan_of(made.statement).scheme)
    nothing = np.zeros_like(made.ciphertext)
    counter.run(lambda party: SCRIPTS[kind](party, made.statement, nothing, lambda _: (), None) and None)  # type: ignore[operator]
    return counter.columns


@pytest.mark.parametrize("name", NAMES)
def test_rejects_another_entry_of_every_column_of_noise(kind: str, name: str) -> None:
    found = [own for own in columns(kind) if ("noise" in own.name or "words" in own.name) and name in own.name]
    assert found, name
    for column in found:
        prover = changing_entry((column.commitment, column.index), 3, honest_columns(kind))
        said = proof_of(honest(kind), prover)
        assert refusal(lambda told=said: verified(honest(kind), told)) == "column queries", column.name  # type: ignore[misc]


def test_every_column_of_noise_has_its_turn(kind: str) -> None:
    noise = {own.name for own in columns(kind) if own.name.startswith(("counts noise", "counts fine"))}
    assert noise and all(any(name in own for name in NAMES) or "limb" in own for own in noise)


def test_a_statement_has_a_root_exactly_where_counts_have_noise(kind: str) -> None:
    statement = honest(kind).statement
    for root in (b"", bytes(31), bytes(33)):
        with pytest.raises(ConfigurationError, match="noise_root"):
            replace(statement, noise_root=root)
    with pytest.raises(ConfigurationError, match="noise_root"):
        replace(statement, counting=replace(statement.counting, noise=0, spends=0))


def test_the_statement_binds_root_and_table(kind: str) -> None:
    made = honest(kind)
    told = made.statement.transcript(made.ciphertext)
    assert replace(made.statement, noise_root=b"o" * 32).transcript(made.ciphertext) != told
    with mock.patch("proofward.relations.rules.noise_levels.NoiseLevels.digest", bytes(32)):
        assert made.statement.transcript(made.ciphertext) != told
    other = replace(made.statement, counting=replace(made.statement.counting, spends=2))
    assert other.transcript(made.ciphertext) != told


def test_counts_whose_noise_does_not_fit_are_refused() -> None:
    statement = honest(COUNTS).statement
    assert isinstance(statement, CountingStatement)
    wide = replace(statement.counting, bits=31)

    with pytest.raises(ConfigurationError, match=r"counting.bits: expected counts that stay below"):
        check_countable(statement.config, wide)


def test_a_simulated_round_with_noise_is_accepted(kind: str) -> None:
    """Without counts, records, words of noise or key, about a ciphertext of uniform words."""
    made, rng, nothing = honest(kind), seeded(1), cast(Any, None)
    plan = plan_of(made.statement)
    rows, length = tableau_rows(plan), code_of(plan).n
    words = SimulatedTableau(rows[0 if kind == COUNTS else 2], length, rng)
    statement = replace(made.statement, noise_root=words.tree.root)
    secret = NoiseSecret(nothing, cast(Any, words))
    witness: Any = CountingWitness(nothing, nothing, secret)
    if kind == EVALUATION:
        previous = SimulatedTableau(rows[0], length, rng)
        statement = replace(statement, dataset_root=previous.tree.root)
        witness = EvaluationWitness(nothing, nothing, cast(Any, previous), *[nothing] * 4, secret)
    ciphertext, script = random_field(made.ciphertext.size, rng), SCRIPTS[kind]
    party = Simulator(Coins(COINS), plan, rng)
    told = party.run(lambda own: cast(Any, script(own, statement, ciphertext, lambda _: DIGESTS, witness)) and None)
    check = cast(Any, check_counts if kind == COUNTS else check_evaluation)
    assert len(told) == pytest.approx(len(proof_of(made)[2]), rel=0.03)
    assert check(statement, ciphertext, DIGESTS, told, Coins(COINS)).soundness_bits >= 40
    with pytest.raises(ProofRejected):
        check(statement, ciphertext, DIGESTS, told, Coins(b"other coins"))
