"""Datasets that are not well-formed cannot be enrolled, whatever the prover forges."""

from __future__ import annotations

import numpy as np
import pytest

from proofward.relations.records.enrolment import verify_enrolment
from tests.proof.cheats import Forger, Recorder, refusal, replacing_columns
from tests.relations.cases import (
    Case,
    enrol_with,
)


def enrolled_with(case: Case, columns: dict[str, np.ndarray]) -> str:
    """The refusal of an enrolment of these columns."""
    enrol_with(case, Recorder)
    proof = enrol_with(case, replacing_columns(columns, dict(Recorder.last.columns)))
    return refusal(lambda: verify_enrolment(case.enrolment, proof))


def padded_dataset(case: Case) -> tuple[np.ndarray, np.ndarray]:
    features, labels = np.zeros((16, 8), dtype=np.int64), np.zeros(16, dtype=np.int64)
    features[:11, :5], labels[:11] = case.features, case.labels
    return features, labels


@pytest.mark.parametrize("value", [2, -1, 1 << 40])
def test_rejects_a_label_that_is_not_binary(case: Case, value: int) -> None:
    _, labels = padded_dataset(case)
    labels[4] = value
    assert enrolled_with(case, {"labels": labels}) == "column queries"


@pytest.mark.parametrize("value", [1 << 11, -(1 << 11) - 1])
def test_rejects_a_feature_out_of_range(case: Case, value: int) -> None:
    features, _ = padded_dataset(case)
    features[4, 2] = value
    assert enrolled_with(case, {"features": features.reshape(-1)}) == "column queries"


@pytest.mark.parametrize(("row", "unit"), [(0, 5), (10, 7), (11, 0), (15, 7)])
def test_rejects_padding_that_is_not_zero(case: Case, row: int, unit: int) -> None:
    features, _ = padded_dataset(case)
    features[row, unit] = 1
    assert enrolled_with(case, {"features": features.reshape(-1)}) == "column queries"


@pytest.mark.parametrize("row", [11, 15])
def test_rejects_labels_of_rows_that_are_not_enrolled(case: Case, row: int) -> None:
    _, labels = padded_dataset(case)
    labels[row] = 1
    assert enrolled_with(case, {"labels": labels}) == "column queries"


def test_accepts_the_replaced_columns_where_they_are_honest(case: Case) -> None:
    features, labels = padded_dataset(case)
    enrol_with(case, Recorder)
    honest = dict(Recorder.last.columns)
    forger = replacing_columns({"features": features.reshape(-1), "labels": labels}, honest)
    assert verify_enrolment(case.enrolment, enrol_with(case, forger)).soundness_bits >= 40
    assert issubclass(forger, Forger)
