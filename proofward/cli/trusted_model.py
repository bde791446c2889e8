"""The trusted first model of a consortium: a model's file that its coordinator chose."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from proofward.engines.remote.terms import Terms
from proofward.federation.messages.values import integers_to_bytes
from proofward.layers.training import magnitude
from proofward.ledger.reading import NotReadable, read_regular
from proofward.report.model_files import safetensors_bytes, safetensors_weights


class FirstModelInvalid(ValueError):
    """A file that no federation under these terms can begin with: what is expected, what was found."""


def with_first_model(terms: Terms, path: Path) -> tuple[bytes, Terms]:
    """The object in a model.safetensors of ProofWard, and the terms that name it.

    Raises FirstModelInvalid.
    """
    config = terms.round_config
    longest = len(safetensors_bytes(config.model, np.zeros(config.model.parameters, np.int64)))
    try:
        weights = safetensors_weights(config.model, read_regular(path, longest, follow=True))
    except (NotReadable, ValueError) as error:
        raise FirstModelInvalid(f"{path}: {error}") from error
    if (found := magnitude(weights)) > config.weight_limit:
        raise FirstModelInvalid(f"{path}: expected integers in +-{config.weight_limit}, found {found}")
    data = integers_to_bytes(weights)
    return data, replace(terms, initial_model=hashlib.sha256(data).digest())
