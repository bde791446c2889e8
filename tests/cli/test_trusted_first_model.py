"""A first model that somebody chose: by an explicit option only, and everybody is told."""

from __future__ import annotations

import hashlib
import shutil

import numpy as np
import pytest

from proofward.cli.project.consortium_file.reading import read_project
from proofward.engines.remote.agreement.home import MODEL, Home
from proofward.federation.messages.basics.values import integers_to_bytes
from proofward.models.presets import PRESETS
from proofward.report.handover.models.model_files import safetensors_bytes, weights_from_safetensors

TINY = PRESETS["tiny"]
COUNT = TINY.model.parameters
WEIGHTS = np.arange(COUNT, dtype=np.int64) - 7
SITES = ("--hospital", "a", "--hospital", "b", "--hospital", "c", "--verifier", "o")
OPTIONS = ("--no-dp", "--title", "T", "--server", "localhost", *SITES, "--preset", "tiny", "--rounds", 2)
WORDS = "trusted first model"


@pytest.fixture
def chosen(tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(safetensors_bytes(TINY.model, WEIGHTS))
    return path


@pytest.mark.slow
def test_the_terms_the_kit_and_the_words_name_it(proofward, tmp_path, chosen):
    pytest.importorskip("nvflare")
    folder, digest = tmp_path / "c", hashlib.sha256(integers_to_bytes(WEIGHTS)).digest()
    text = proofward("consortium", "init", folder, *OPTIONS, "--trusted-first-model", chosen).stdout
    assert f"{WORDS} {digest.hex()}" in text
    server = Home(folder / "kits" / "localhost" / "proofward")
    assert server.terms.initial_model == digest
    assert server.read(MODEL) == integers_to_bytes(WEIGHTS)
    hospital = folder / "kits" / "a"
    assert not (hospital / "proofward" / MODEL).exists()
    joined = proofward("join", hospital).stdout
    assert f"{WORDS} {digest.hex()}" in joined
    assert f"terms {server.terms.digest.hex()}, {WORDS}" in joined


@pytest.mark.slow
def test_without_the_option_there_is_none(proofward, tmp_path):
    pytest.importorskip("nvflare")
    folder = tmp_path / "c"
    text = proofward("consortium", "init", folder, *OPTIONS).stdout
    server = Home(folder / "kits" / "localhost" / "proofward")
    assert WORDS not in text and "drawn by the members" in text
    assert server.terms.initial_model == b"" and not (server.root / MODEL).exists()
    assert WORDS not in proofward("join", folder / "kits" / "a").stdout


def test_a_draft_keeps_the_file_beside_the_project(proofward, tmp_path, chosen):
    folder = tmp_path / "c"
    said = proofward.json("consortium", "init", folder, *OPTIONS, "--trusted-first-model", chosen, "--draft")
    assert said["exit"] == 0
    project = read_project(folder / "consortium.toml")
    beside = project.first_model_beside(folder / "consortium.toml")
    assert beside.parent == folder and beside.read_bytes() == chosen.read_bytes()
    assert "more than sums" in (folder / "consortium.toml").read_text()
    assert proofward.json("consortium", "init", folder, "--draft")["exit"] == 0
    beside.write_bytes(b"another")
    refused = proofward("consortium", "init", folder, "--draft")
    assert refused.exit_code == 1 and "trusted_first_model: expected a model.safetensors" in refused.stderr
    beside.unlink()
    assert proofward("consortium", "init", folder, "--draft").exit_code == 1


def other_sizes() -> bytes:
    return safetensors_bytes(PRESETS["logistic"].model, np.zeros(PRESETS["logistic"].model.parameters, np.int64))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "expected a model.safetensors"),
        (b"\xff" * 500, "expected a model.safetensors"),
        (other_sizes(), "expected a model.safetensors"),
        (safetensors_bytes(TINY.model, WEIGHTS) + b"\0", "expected a model.safetensors"),
        (safetensors_bytes(TINY.model, np.full(COUNT, 1 << 62, np.int64)), "expected weights of at most"),
        (safetensors_bytes(TINY.model, np.full(COUNT, -(1 << 63), np.int64)), "expected weights of at most"),
    ],
)
def test_rejects_files_that_are_no_model_of_the_terms(proofward, tmp_path, data, reason):
    path = tmp_path / "chosen"
    path.write_bytes(data)
    folder = tmp_path / "c"
    result = proofward("consortium", "init", folder, *OPTIONS, "--trusted-first-model", path, "--draft")
    assert result.exit_code == 2 and reason in result.stderr
    assert not folder.exists()


@pytest.mark.parametrize("name", ["../model", "/etc/passwd", "a/b", "a\\nb"])
def test_rejects_names_of_files_elsewhere(proofward, tmp_path, chosen, name):
    folder = tmp_path / "c"
    proofward("consortium", "init", folder, *OPTIONS, "--trusted-first-model", chosen, "--draft")
    path = folder / "consortium.toml"
    path.write_text(path.read_text().replace('"first-model.safetensors"', f'"{name}"'))
    result = proofward("consortium", "init", folder, "--draft")
    assert result.exit_code == 1 and "the name of a file in the same folder" in result.stderr


def test_a_model_file_is_read_back_exactly():
    data = safetensors_bytes(TINY.model, WEIGHTS)
    assert (weights_from_safetensors(TINY.model, data) == WEIGHTS).all()
    start = len(data) - 8 * COUNT
    for place in range(start):
        changed = bytes([*data[:place], data[place] ^ 1, *data[place + 1 :]])
        assert weights_from_safetensors(TINY.model, changed) is None
    for length in (0, 7, start, len(data) - 1):
        assert weights_from_safetensors(TINY.model, data[:length]) is None


@pytest.mark.slow
def test_the_slot_of_uploads_is_in_the_project_and_in_the_words(proofward, tmp_path):
    pytest.importorskip("nvflare")
    said = proofward("consortium", "init", tmp_path / "c", *OPTIONS)
    assert read_project(tmp_path / "c" / "consortium.toml").upload_slot == 2
    assert "uploads leave every 2 s" in said.stdout
    shutil.rmtree(tmp_path / "c")
    said = proofward("consortium", "init", tmp_path / "c", *OPTIONS, "--upload-slot", 0)
    assert Home(tmp_path / "c" / "kits" / "a" / "proofward").terms.upload_slot == 0
    assert "uploads leave at once" in said.stdout
