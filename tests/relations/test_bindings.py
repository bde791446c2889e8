"""Every committed column and every message of a round is bound: whatever a prover changes, the proof is refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pytest

from proofward.field.scalar import P
from proofward.layers.model import FixedPoint, Mlp, Training, initial_weights
from proofward.proof.errors import ProofRejected, WitnessError
from proofward.proof.forms import Column
from proofward.proof.prover import Prover
from proofward.relations import prove as relation
from proofward.relations.config import RoundConfig
from proofward.relations.enrolment import EnrolmentStatement, prove_enrolment
from proofward.relations.prove import RoundProof, prove_round, verify_round
from proofward.relations.round_statement import RoundStatement
from proofward.relations.secret import DatasetSecret
from tests.proof.toy import seeded

CONFIG = RoundConfig(Mlp((5, 4, 2)), FixedPoint(), Training(rate=4, batch=4, epochs=2), 4096, 3, 1, 30)
FREE = "sharing coefficient"


@dataclass(frozen=True)
class Round:
    """An honest hospital's round."""

    statement: RoundStatement
    secret: DatasetSecret
    proof: RoundProof


@pytest.fixture(scope="module")
def honest() -> Round:
    random = np.random.default_rng(1)
    features = random.integers(-200, 200, (11, 5)).astype(np.int64)
    labels = (features[:, 0] > 0).astype(np.int64)
    enrolment = EnrolmentStatement(b"c" * 32, "hospital-a", 11, 5, CONFIG)
    _, secret = prove_enrolment(enrolment, features, labels, seeded(1))
    weights = initial_weights(CONFIG.model, CONFIG.scales, b"seed")
    statement = RoundStatement(b"c" * 32, CONFIG, 1, "hospital-a", 11, b"b" * 32, secret.root, weights)
    return Round(statement, secret, prove_round(statement, secret, seeded(2)))


class Altering(Prover):
    """A prover that adds 1 to one entry of one column wherever it uses the column."""

    target: tuple[int, int] = (-1, -1)
    position = 0
    seen: dict[tuple[int, int], Column] = {}  # noqa: RUF012

    def values(self, column: Column) -> np.ndarray:
        key = (column.tableau, column.index)
        fresh = key not in self._columns
        values = super().values(column)
        self.seen[key] = column
        if key == self.target and fresh:
            values = values.copy()
            values[self.position] = (int(values[self.position]) + 1) % P
            self._columns[key] = values
        return values


def columns_of_a_round(honest: Round, monkeypatch: pytest.MonkeyPatch) -> Iterator[Column]:
    """All columns that a round commits to, the earlier dataset's excepted: that one cannot be changed any more."""
    monkeypatch.setattr(relation, "Prover", Altering)
    Altering.target, Altering.seen = (-1, -1), {}
    prove_round(honest.statement, honest.secret, seeded(3))
    yield from [column for key, column in sorted(Altering.seen.items()) if key[0] > 0]


def test_rejects_a_change_in_any_column(honest: Round, monkeypatch: pytest.MonkeyPatch) -> None:
    accepted = []
    columns = list(columns_of_a_round(honest, monkeypatch))
    assert len(columns) > 50
    for column in columns:
        for position in {0, (1 << column.log_size) - 1}:
            Altering.target, Altering.position = (column.tableau, column.index), position
            try:
                forged = prove_round(honest.statement, honest.secret, seeded(4))
                binding = verify_round(honest.statement, forged.ciphertext, forged.proof).share_binding
            except (WitnessError, ProofRejected):
                continue
            # another sharing polynomial is no lie, but then the holders' shares must be of that polynomial
            share = forged.shares[0]
            if not column.name.startswith(FREE) or binding.matches(share.holder, share.values, share.blind):
                accepted.append((column.name, position))
    assert accepted == []


def test_rejects_a_change_in_any_message(honest: Round) -> None:
    """Every 16-byte message before the opening, then a spread of positions over the rest of the proof."""
    proof = honest.proof.proof
    positions = [*range(64, 64 + 16 * 600, 16), *range(64 + 16 * 600, len(proof), len(proof) // 400)]
    assert positions[-1] > len(proof) - len(proof) // 300
    for position in positions:
        forged = bytearray(proof)
        forged[position] ^= 1
        with pytest.raises(ProofRejected):
            verify_round(honest.statement, honest.proof.ciphertext, bytes(forged))


@pytest.mark.parametrize(
    "change",
    [
        {"round": 2},
        {"hospital": "hospital-b"},
        {"consortium": b"d" * 32},
        {"beacon": b"a" * 32},
        {"rows": 10},
        {"dataset_root": b"r" * 32},
        {"config": replace(CONFIG, clip_bound=4095)},
        {"config": replace(CONFIG, training=Training(rate=3, batch=4, epochs=2))},
        {"config": replace(CONFIG, holders=4)},
    ],
    ids=[
        "round",
        "hospital",
        "consortium",
        "beacon",
        "rows",
        "dataset root",
        "clip bound",
        "rate",
        "holders",
    ],
)
def test_rejects_another_statement(honest: Round, change: dict[str, object]) -> None:
    other = replace(honest.statement, **change)  # type: ignore[arg-type]
    with pytest.raises(ProofRejected):
        verify_round(other, honest.proof.ciphertext, honest.proof.proof)


def test_rejects_other_first_weights(honest: Round) -> None:
    weights = honest.statement.initial_weights.copy()
    weights[3] += 1
    with pytest.raises(ProofRejected):
        verify_round(
            replace(honest.statement, initial_weights=weights), honest.proof.ciphertext, honest.proof.proof
        )


def test_rejects_another_ciphertext(honest: Round) -> None:
    ciphertext = honest.proof.ciphertext.copy()
    ciphertext[5] = (int(ciphertext[5]) + 1) % P
    with pytest.raises(ProofRejected):
        verify_round(honest.statement, ciphertext, honest.proof.proof)
    with pytest.raises(ProofRejected, match="ciphertext"):
        verify_round(honest.statement, ciphertext[:-1], honest.proof.proof)
    ciphertext[5] = P
    with pytest.raises(ProofRejected, match="ciphertext"):
        verify_round(honest.statement, ciphertext, honest.proof.proof)


def test_accepts_the_honest_round_and_its_shares(honest: Round) -> None:
    verified = verify_round(honest.statement, honest.proof.ciphertext, honest.proof.proof)
    assert verified.dataset_root == honest.proof.dataset.root != honest.secret.root
    for share in honest.proof.shares:
        assert verified.share_binding.matches(share.holder, share.values, share.blind)
        wrong = share.values.copy()
        wrong[7] ^= np.uint64(1)
        assert not verified.share_binding.matches(share.holder, wrong, share.blind)
        assert not verified.share_binding.matches(share.holder + 1, share.values, share.blind)
