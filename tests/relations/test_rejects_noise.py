"""Noise that was not drawn as it should be, by a prover that forges whatever it can: refused at the verifier."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from unittest import mock

import numpy as np
import pytest

from proofward.field.goldilocks import add, random_field
from proofward.lattice.encryption import encrypt
from proofward.lattice.parameters import LARGEST_BOUND
from proofward.lattice.sampler import MaskContext
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.rules.privacy import COARSE_STEP, FINE_DEVIATION
from proofward.proof.errors import ProofRejected, WitnessError
from proofward.proof.prover import Prover
from proofward.relations.proofs.prove import prove_round, verify_round
from proofward.relations.rules.blocks import blocks_of
from proofward.relations.rules.noise_levels import NoiseLevels
from proofward.relations.rules.noise_tables import LEVELS, noise_table, noise_tables
from proofward.relations.training_rounds.round_statement import RoundStatement
from proofward.relations.uploads.noise import Draws
from proofward.relations.uploads.noise_seed import NoiseSecret
from tests.proof.cheats import changing_entry, refusal, replacing_columns
from tests.proof.toy import seeded
from tests.relations.cases import NOISE_SEED, Case, config, drawn, prove_with, sealed
from tests.relations.inventory import columns
from tests.relations.noise_cases import PRIVACY, private_case
from tests.relations.otherwise import prepare

honest_draws = Draws.of


@pytest.fixture(scope="module")
def case() -> Case:
    return private_case()


@pytest.fixture(scope="module")
def prepared(case: Case):  # type: ignore[no-untyped-def]
    return prepare(case)


def stopped(case: Case, prepared, message, witness=None) -> str:  # type: ignore[no-untyped-def]
    """The verifier's refusal of the best forgery about a ciphertext of `message`.

    An honest prover's code refuses it as well, or its proof is refused.
    """
    known = witness or prepared[0]
    made = encrypt(MaskContext(case.statement.beacon, 1), message, LARGEST_BOUND - 1, seeded(3))
    key = replace(known.encryption, secret=made.secret, error=made.error)
    known = replace(known, encryption=key)
    with pytest.raises((WitnessError, ProofRejected)):
        verify_round(
            case.statement, made.ciphertext, *prove_with(case, known, made.ciphertext, Prover, seeded(4))
        )
    forger = replacing_columns({}, prepared[2])
    proof = prove_with(case, known, made.ciphertext, forger, seeded(4))
    return refusal(lambda: verify_round(case.statement, made.ciphertext, *proof))


def with_draws(other: Callable[..., Draws]):  # type: ignore[no-untyped-def]
    """A prover that draws otherwise."""
    return mock.patch.object(Draws, "of", other)


def update_and_noise(case: Case, prepared):  # type: ignore[no-untyped-def]
    return prepared[0].update.update, drawn(case, prepared[0].noise)


def test_an_honest_round_is_accepted(case: Case, prepared) -> None:  # type: ignore[no-untyped-def]
    found = verify_round(
        case.statement, case.result.ciphertext, case.result.sealed_shares, case.result.proof
    )
    assert found.soundness_bits >= 40


@pytest.mark.parametrize("level", range(len(LEVELS)))
def test_rejects_a_neighbouring_value(case: Case, prepared, level: int) -> None:  # type: ignore[no-untyped-def]
    def neighbour(table, words):  # type: ignore[no-untyped-def]
        draws = honest_draws(table, words)
        if table is not noise_tables(PRIVACY)[level] or draws.values.size != 32:
            return draws
        values, low, high = draws.values.copy(), draws.low.copy(), draws.high.copy()
        values[0] += 1
        low[0], high[0] = table.bounds[values[0] + table.end], table.bounds[values[0] + table.end + 1]
        above, below = draws.above.copy(), draws.below.copy()
        above[0], below[0] = np.int64(int(words[0]) - int(low[0])), np.int64(int(high[0]) - 1 - int(words[0]))
        return Draws(values, low, high, above, below)

    update, noise = update_and_noise(case, prepared)
    noise = noise.copy()
    noise[0] += LEVELS[level]
    with with_draws(neighbour):
        assert stopped(case, prepared, update + noise) == "column queries"


def test_rejects_the_draw_of_another_word(case: Case, prepared) -> None:  # type: ignore[no-untyped-def]
    update, noise = update_and_noise(case, prepared)

    def other(table, words):  # type: ignore[no-untyped-def]
        moved = add(words, np.full(words.size, 1 << 60, dtype=np.uint64))
        found, honest = honest_draws(table, moved), honest_draws(table, words)
        return replace(found, above=honest.above, below=honest.below)

    with with_draws(other):
        changed = message_of_draws(case, prepared)
        assert (changed != update + noise).any()
        assert stopped(case, prepared, changed) == "column queries"


def message_of_draws(case: Case, prepared):  # type: ignore[no-untyped-def]
    """U + Z for the draws that a prover makes now."""
    message, tables = prepared[0].update.update.copy(), noise_tables(PRIVACY)
    words, public = prepared[0].noise.words, case.statement.public_words()
    for block in blocks_of(case.config.model):
        for level, (step, table) in enumerate(zip(LEVELS, tables, strict=True)):
            own = add(block.pad(words[level]), NoiseLevels.of_updates(PRIVACY).padded_public(level, block, public))
            values = Draws.of(table, own).values
            message[block.offset : block.offset + block.size] += step * block.layout.unpad(values)
    return message


def test_rejects_the_seed_of_another_attempt(case: Case, prepared) -> None:  # type: ignore[no-untyped-def]
    other = NoiseSecret.of(case.config, case.statement.rows, b"o" * 32)
    witness = replace(prepared[0], noise=other)
    message = prepared[0].update.update + drawn(case, other)
    assert stopped(case, prepared, message, witness) == "tableau root"
    with pytest.raises(WitnessError, match="seed of noise"):
        prove_round(case.statement, case.secret, seeded(1), sealed, noise_seed=b"o" * 32)


def for_sets_of(times: Fraction) -> int:
    """The coarse variance that each hospital would have in sums with so many times the noise of others."""
    return int((PRIVACY.variance / times - FINE_DEVIATION**2) / COARSE_STEP**2)


@pytest.mark.parametrize(
    "variance",
    [
        pytest.param(PRIVACY.coarse_variance - 20, id="a smaller one"),
        pytest.param(for_sets_of(Fraction(2)), id="sigma of a set with twice as many"),
        pytest.param(for_sets_of(Fraction(3, 2)), id="sigma of a set with one more than two"),
        pytest.param(for_sets_of(Fraction(1, 2)), id="sigma of a set with half as many"),
    ],
)
def test_rejects_another_table(case: Case, prepared, variance: int) -> None:  # type: ignore[no-untyped-def]
    other = noise_table(variance)

    def drawn_otherwise(table, words):  # type: ignore[no-untyped-def]
        return honest_draws(table if table.variance == 200**2 else other, words)

    with with_draws(drawn_otherwise):
        assert stopped(case, prepared, message_of_draws(case, prepared)) == "column queries"


def test_rejects_a_proof_under_rules_of_another_set_size(case: Case, prepared) -> None:  # type: ignore[no-untyped-def]
    """An honest round of rules whose noise is for sums of twice as many: nothing of it fits these rules."""
    smaller = replace(PRIVACY, coarse_variance=for_sets_of(Fraction(2)))
    other = replace(case.statement, config=replace(case.config, privacy=smaller))
    made = prove_round(other, case.secret, seeded(1), sealed, noise_seed=NOISE_SEED)
    proof = made.ciphertext, made.sealed_shares, made.proof
    verify_round(other, *proof)
    assert refusal(lambda: verify_round(case.statement, *proof))


def test_rejects_an_update_without_noise(case: Case, prepared) -> None:  # type: ignore[no-untyped-def]
    update, noise = update_and_noise(case, prepared)
    assert stopped(case, prepared, update) == "column queries"
    assert stopped(case, prepared, update + noise % LEVELS[1]) == "column queries"


def test_rejects_noise_that_is_a_unit_off(case: Case, prepared) -> None:  # type: ignore[no-untyped-def]
    update, noise = update_and_noise(case, prepared)
    changed = update + noise
    changed[-1] -= 1
    assert stopped(case, prepared, changed) == "column queries"


def test_rejects_the_public_words_of_another_beacon(case: Case, prepared) -> None:  # type: ignore[no-untyped-def]
    earlier = replace(case.statement, beacon=b"e" * 32).public_words()
    message = prepared[0].update.update + drawn(
        replace(case, statement=replace(case.statement, beacon=b"e" * 32)), prepared[0].noise
    )
    made = encrypt(MaskContext(case.statement.beacon, 1), message, LARGEST_BOUND - 1, seeded(3))
    key = replace(prepared[0].encryption, secret=made.secret, error=made.error)
    witness = replace(prepared[0], encryption=key)
    with mock.patch.object(RoundStatement, "public_words", lambda statement: earlier):
        proof = prove_with(case, witness, made.ciphertext, replacing_columns({}, prepared[2]), seeded(4))
    assert refusal(lambda: verify_round(case.statement, made.ciphertext, *proof)) == "linear constraints"


def test_rejects_noise_on_padded_entries(case: Case, prepared) -> None:  # type: ignore[no-untyped-def]
    """Words that were committed to before the beacon, but not 0 where a block is padded."""
    rng, blocks = seeded(9), blocks_of(case.config.model)
    honest = NoiseSecret.of(case.config, case.statement.rows, NOISE_SEED)
    columns = [
        np.where(
            block.pad(np.ones(honest.words.shape[1], dtype=np.uint64)),
            block.pad(level),
            random_field(1 << block.log_size, rng),
        )
        for level in honest.words
        for block in blocks
    ]
    chosen = NoiseSecret(honest.words, case.config.scheme(case.statement.rows).commit(columns, rng))
    other = replace(case, statement=replace(case.statement, noise_root=chosen.root))
    named = {
        f"{block.name} {title} words": columns[level * len(blocks) + index]
        for level, title in enumerate(("fine", "coarse"))
        for index, block in enumerate(blocks)
    }
    update, noise = update_and_noise(case, prepared)
    made = encrypt(MaskContext(case.statement.beacon, 1), update + noise, LARGEST_BOUND - 1, seeded(3))
    key = replace(prepared[0].encryption, secret=made.secret, error=made.error)
    witness = replace(prepared[0], encryption=key, noise=chosen)
    forger = replacing_columns({name: own.view(np.int64) for name, own in named.items()}, prepared[2])
    with mock.patch("tests.proof.cheats.to_field", lambda values: values.view(np.uint64)):
        proof = prove_with(other, witness, made.ciphertext, forger, seeded(4))
    assert refusal(lambda: verify_round(other.statement, made.ciphertext, *proof)) == "column queries"


@pytest.mark.parametrize(
    "name",
    [
        "fine words",
        "noise, coarse value",
        "noise, fine low",
        "noise, coarse high",
        "noise, fine above, limb 0",
        "noise, coarse below, limb 1",
    ],
)
def test_rejects_another_entry_of_a_column(case: Case, prepared, name: str) -> None:  # type: ignore[no-untyped-def]
    witness, ciphertext, honest = prepared
    column = next(own for own in columns(case) if own.name == f"layer 1 weights {name}")
    prover = changing_entry((column.commitment, column.index), 3, honest)
    proof = prove_with(case, witness, ciphertext, prover, seeded(4))
    found = refusal(lambda: verify_round(case.statement, ciphertext, *proof))
    assert found == "column queries"


def test_a_statement_has_a_root_exactly_where_the_rules_have_privacy(case: Case) -> None:
    for root in (b"", bytes(31), bytes(33)):
        with pytest.raises(ConfigurationError, match="noise_root"):
            replace(case.statement, noise_root=root)
    with pytest.raises(ConfigurationError, match="noise_root"):
        replace(case.statement, config=config())


def test_the_statement_binds_root_and_tables(case: Case) -> None:
    ciphertext, statement = case.result.ciphertext, case.statement
    told = statement.transcript(ciphertext)
    assert replace(statement, noise_root=b"o" * 32).transcript(ciphertext) != told
    with mock.patch("proofward.relations.training_rounds.round_statement.tables_digest", lambda privacy: bytes(32)):
        assert statement.transcript(ciphertext) != told
