"""`proofward demo --images`: one round on generated patches, and what the options do not go together with."""

from __future__ import annotations

import json

import numpy as np
import pytest

from proofward.report.handover.models.exported_model import read_exported
from tests.real_data import real_data


@pytest.mark.slow
def test_a_run_on_generated_patches(proofward, tmp_path):
    said = proofward.json("demo", "--images", "--rounds", 1, "--run", tmp_path / "run")
    assert (said["exit"], said["finished"], said["rounds"], said["preset"]) == (0, True, 1, "images")
    assert list(said["hospitals"]) == ["hospital-0", "hospital-1", "hospital-2"]
    assert said["parameters"] == 1818 and said["held_out_rows"] == 48
    assert said["bits"]["policy"] == 100 <= said["bits"]["training"]
    assert proofward("audit", tmp_path / "run").exit_code == 0
    assert json.loads((tmp_path / "run" / "classes.json").read_text()) == ["tissue", "mass"]
    private = tmp_path / "run.private" / "report"
    assert [path.name for path in private.iterdir()] == ["saliency.png"]
    assert "](../run.private/report/saliency.png)" in (tmp_path / "run" / "report.md").read_text()
    assert not (tmp_path / "run" / "saliency.png").exists()
    out = tmp_path / "model.safetensors"
    assert proofward("model", "export", tmp_path / "run", "--to", "safetensors", "--out", out).exit_code == 0
    found = read_exported(out.read_bytes())
    assert found.digest.hex() == said["model"] and found.description.images.size == 1024


@pytest.mark.slow
def test_a_preset_on_real_images(proofward, tmp_path):
    data = real_data("chest_xray_28_train.npz")
    chosen = ("--images", "--preset", "mlp784", "--data", data, "--hospitals", 5, "--rounds", 1)
    said = proofward.json("demo", *chosen, "--run", tmp_path / "run")
    assert (said["exit"], said["finished"], said["preset"]) == (0, True, "mlp784")
    assert said["parameters"] == 108_866 and len(said["hospitals"]) == 5
    assert proofward("audit", tmp_path / "run").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--images", "--preset", "tiny"), "preset: expected one of pictures"),
        (("--images", "--preset", "none"), "preset: expected one of brain"),
        (("--images", "--preset", "vgg11"), "generated patches: expected a rule of 32 x 32, grey"),
        (("--data", "a.npz"), "expected --images with --data"),
        (("--images", "--data", "a.npz"), "expected images of two classes or more, found 1"),
        (("--images", "--data", "bad.npz"), "expected a folder of images, an npz archive or an HDF5 file"),
    ],
)
def test_options_that_do_not_go_together(proofward, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    np.savez(tmp_path / "a.npz", images=np.zeros((4, 8, 8), np.uint8), labels=np.zeros(4, np.uint8))
    (tmp_path / "bad.npz").write_text("no archive")
    result = proofward("demo", *arguments, "--run", tmp_path / "run")
    assert result.exit_code == 2 and words in " ".join(result.stderr.split()), result.stderr
    assert not (tmp_path / "run").exists()
