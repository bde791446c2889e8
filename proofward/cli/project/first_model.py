"""A trusted first model: an earlier federation's model file, from which a consortium agrees to start."""

from __future__ import annotations

from pathlib import Path

from proofward.cli.project.project_table import ProjectError
from proofward.layers.training import magnitude
from proofward.relations.config import RoundConfig
from proofward.report.handover.model_files import MODEL_NAME, safetensors_length, weights_from_safetensors

FIELD = "trusted_first_model"


def read_first_model(path: Path, config: RoundConfig) -> bytes:
    """The bytes of a model file that fits the configuration; raises ProjectError, OSError."""
    model, limit = config.model, config.weight_limit
    with path.open("rb") as file:
        data = file.read(safetensors_length(model) + 1)
    weights = weights_from_safetensors(model, data)
    if weights is None:
        widths = "-".join(map(str, model.widths))
        raise ProjectError(FIELD, f"a {MODEL_NAME} of a federation with a {widths} model", f"{path}, another")
    if magnitude(weights) > limit:
        raise ProjectError(FIELD, f"weights of at most {limit}", magnitude(weights))
    return data
