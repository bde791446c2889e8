"""A trusted first model: an earlier federation's model file, from which a consortium agrees to start."""

from __future__ import annotations

from pathlib import Path

from proofward.cli.project.tables.table import ProjectError
from proofward.layers.local_training.training import magnitude
from proofward.ledger.reading import NotReadable, read_regular
from proofward.relations.rules.config import RoundConfig
from proofward.report.handover.models.model_files import (
    MODEL_NAME,
    safetensors_length,
    weights_from_safetensors,
)

FIELD = "trusted_first_model"
SLACK = 1 << 16
"""Bytes more than a model's file has, up to which it is read before it is refused."""


def read_first_model(path: Path, config: RoundConfig) -> bytes:
    """The bytes of a model file that fits the configuration; raises ProjectError."""
    model, limit = config.model, config.weight_limit
    try:
        data = read_regular(path, safetensors_length(model) + SLACK, follow=True)
    except NotReadable as error:
        raise ProjectError(FIELD, error.expected, f"{path}, {error.actual}") from error
    weights = weights_from_safetensors(model, data)
    if weights is None:
        expected = f"a {MODEL_NAME} of a federation with a {model.words} model"
        raise ProjectError(FIELD, expected, f"{path}, another")
    if magnitude(weights) > limit:
        real = limit / (1 << config.scales.weight_bits)
        words = f"weights of at most {limit}, that is {real:g} (`proofward model import` has --limit)"
        raise ProjectError(FIELD, words, magnitude(weights))
    return data
