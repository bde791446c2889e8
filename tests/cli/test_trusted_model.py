"""`proofward consortium init --trusted-first-model`: who chooses the first model says so in the terms."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from proofward.engines.remote.home import Home
from proofward.models.presets import preset
from proofward.report.model_files import MODEL_NAME, safetensors_bytes
from proofward.report.scenario import make_scenario

pytest.importorskip("nvflare")
SITES = ("--hospital", "a", "--hospital", "b", "--hospital", "c", "--verifier", "o")
OPTIONS = ("--title", "T", "--server", "localhost", *SITES, "--preset", "tiny")
MODEL = preset("tiny").model


def model_file(folder: Path, weights: np.ndarray) -> Path:
    (folder / MODEL_NAME).write_bytes(safetensors_bytes(MODEL, weights))
    return folder / MODEL_NAME


def test_the_terms_name_it_and_the_server_has_it(proofward, tmp_path):
    weights = np.arange(MODEL.parameters, dtype=np.int64)
    chosen = ("--trusted-first-model", model_file(tmp_path, weights))
    said = proofward("consortium", "init", tmp_path / "c", *OPTIONS, *chosen)
    digest = hashlib.sha256(weights.tobytes()).digest()
    assert said.exit_code == 0 and f"trusted first model {digest.hex()}" in said.stdout
    kits = tmp_path / "c" / "kits"
    assert (kits / "localhost" / "proofward" / "initial.model").read_bytes() == weights.tobytes()
    assert {Home(kits / site / "proofward").terms.initial_model for site in ("a", "b", "c", "o")} == {digest}
    drawn = proofward("consortium", "init", tmp_path / "c", "--force")
    assert drawn.exit_code == 0 and "first model drawn by the members" in drawn.stdout
    again = proofward("consortium", "init", tmp_path / "c", "--force", *chosen)
    assert again.exit_code == 0 and f"trusted first model {digest.hex()}" in again.stdout


def test_files_that_are_no_first_model(proofward, tmp_path):
    limit = make_scenario("tiny", 3, 15, 0).plan.config.weight_limit
    weights = np.zeros(MODEL.parameters, np.int64)
    for wrong in (limit + 1, -limit - 1):
        weights[-1] = wrong
        chosen = model_file(tmp_path, weights)
        result = proofward("consortium", "init", tmp_path / "c", *OPTIONS, "--trusted-first-model", chosen)
        assert result.exit_code == 2 and f"found {limit + 1}" in result.stderr
    chosen.write_bytes(b"no model")
    result = proofward("consortium", "init", tmp_path / "c", *OPTIONS, "--trusted-first-model", chosen)
    assert result.exit_code == 2 and MODEL_NAME in result.stderr and "no model" not in result.stderr
    chosen.write_bytes(bytes(1 << 20))
    result = proofward("consortium", "init", tmp_path / "c", *OPTIONS, "--trusted-first-model", chosen)
    assert result.exit_code == 2 and not (tmp_path / "c").exists()


def test_a_draft_names_none(proofward, tmp_path):
    chosen = model_file(tmp_path, np.zeros(MODEL.parameters, np.int64))
    arguments = (*OPTIONS, "--draft", "--trusted-first-model", chosen)
    result = proofward("consortium", "init", tmp_path / "c", *arguments)
    assert result.exit_code == 2 and "draft" in result.stderr and not (tmp_path / "c").exists()
