"""Small proved predictions, and provers of statements that are not true."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from proofward.field.goldilocks import add, to_field
from proofward.layers.local_training.training import forward_pass
from proofward.layers.networks.initial_weights import initial_weights
from proofward.layers.networks.network import Network, chain, mlp
from proofward.layers.rules.model import FixedPoint
from proofward.proof.prover import Prover
from proofward.proof.transcript import Transcript
from proofward.relations.predictions.inference import InferenceWitness, inference
from proofward.relations.predictions.inference_statement import InferenceStatement
from proofward.relations.predictions.predict import (
    ProvedPrediction,
    PublicModel,
    RecordsOpening,
    inference_plan,
    prove_prediction,
)
from tests.proof.toy import seeded
from tests.relations.cases import CONSORTIUM

Signed = npt.NDArray[np.int64]
SCALES = FixedPoint()
POOL, AVERAGE, WHOLE = ({"kind": f"relu_{name}"} for name in ("maxpool2d", "avgpool2d", "global_avgpool"))
LINEAR = {"kind": "linear", "outputs": 2}


def conv(outputs: int, kernel: int = 2, stride: int = 1, padding: int = 1) -> dict[str, object]:
    """A convolution in plain form."""
    return {"kind": "conv2d", "outputs": outputs, "kernel": kernel, "stride": stride, "padding": padding}


NETWORKS = {
    "one layer": mlp((3, 2)),
    "mlp": mlp((5, 4, 2)),
    "deep": mlp((5, 7, 3, 2)),
    "classes": mlp((5, 4, 3)),
    "convolution": chain((2, 5, 4), [conv(3, 3, 2), LINEAR]),
    "window": chain((1, 2, 2), [conv(1, 1, 1, 0), POOL, LINEAR]),
    "means": chain((2, 6, 5), [{**conv(4), "groups": 2}, AVERAGE, conv(2), WHOLE, LINEAR]),
    "means of 9 and 6": chain(
        (6, 5, 8), [{**conv(4), "groups": 2}, {**AVERAGE, "size": 3}, {**conv(2, 3), "groups": 2}, WHOLE, LINEAR]
    ),
    "pooled": chain((1, 5, 6), [conv(3), POOL, conv(2), POOL, LINEAR]),
}


def public_model(network: Network, weights: Signed | None = None) -> PublicModel:
    """The model of round 3, with seeded weights unless others are given."""
    made = initial_weights(network, SCALES, b"seed") if weights is None else weights
    return PublicModel(
        consortium=CONSORTIUM, round=3, description=b"d" * 32, model=network, scales=SCALES, weights=made
    )


def some_records(network: Network, count: int, seed: int = 1, spread: int = 1000) -> Signed:
    """Random records, whose hidden values saturate at both ends."""
    random = np.random.default_rng(seed)
    return random.integers(-spread, spread, (count, network.features)).astype(np.int64)


def proved(name: str, count: int = 3, seed: int = 1) -> ProvedPrediction:
    """A prediction of one of the networks."""
    network = NETWORKS[name]
    return prove_prediction(public_model(network), some_records(network, count, seed), seeded(seed))


def says(statement: InferenceStatement, witness: InferenceWitness, prover: type[Prover]) -> bytes:
    """A proof by any prover, with its own random values."""
    party = prover(Transcript(statement.transcript()), inference_plan(statement.forward_pass), seeded(9))
    return party.run(lambda own: inference(own, statement, witness))


def whole_records(statement: InferenceStatement, features: Signed) -> Signed:
    """The records with those of zeros behind them."""
    whole = np.zeros((1 << statement.forward_pass.log_records, features.shape[1]), dtype=np.int64)
    whole[: len(features)] = features
    return whole


def witness_of(
    made: ProvedPrediction,
    change: Callable[[npt.NDArray[np.uint64]], Any] | None = None,
    features: Signed | None = None,
) -> tuple[InferenceStatement, InferenceWitness]:
    """What the prover knows, and the statement about it.

    change: of the committed column, in place; the statement then has that column's commitment. features: of all
    records, those behind the last included, on which the sums are computed.
    """
    statement, opening = made.statement, made.opening
    about = statement.forward_pass
    column = opening.column(about)
    if change is not None:
        change(column)
    tableau = _Committed(opening.features, opening.salt, column).commit(about)
    whole = whole_records(statement, opening.features) if features is None else features
    passed = forward_pass(about.model, about.scales, statement.weights, whole)
    own = InferenceWitness(column, tableau, passed.sums, passed.own)
    return replace(statement, commitment=tableau.root), own


class _Committed(RecordsOpening):
    """An opening of any column."""

    __slots__ = ("_own",)

    def __init__(self, features: Signed, salt: bytes, column: npt.NDArray[np.uint64]) -> None:
        super().__init__(features, salt)
        object.__setattr__(self, "_own", column)

    def column(self, about: Any) -> npt.NDArray[np.uint64]:
        return self._own  # type: ignore[attr-defined,no-any-return]


def adding(position: int, amount: int) -> Callable[[npt.NDArray[np.uint64]], None]:
    """Adds to one entry of a column."""

    def change(column: npt.NDArray[np.uint64]) -> None:
        own = to_field(np.array([amount], dtype=np.int64))
        column[position : position + 1] = add(column[position : position + 1].copy(), own)

    return change
