"""`predict --prove` and `verify --model`, on a table and on images, and what they refuse."""

from __future__ import annotations

import json
import stat
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from proofward.layers.networks.network import mlp
from proofward.report.handover.models.description import Description
from proofward.report.handover.models.exported_model import ExportedModel, read_exported
from proofward.report.handover.predictions.prediction_proof import named
from tests.report.test_exported_images import exported
from tests.report.test_prediction_proof import FEATURES, model_of

NAMES = ",".join(entry.name for entry in FEATURES.features)


@pytest.fixture(scope="module")
def folder(proofward, tmp_path_factory):
    """A model, a table of 25 rows, a proof of what the model says of them, and what the command said."""
    made = tmp_path_factory.mktemp("proved")
    (made / "m.json").write_bytes(model_of(mlp((4, 7, 2))).to_json())
    rows = np.random.default_rng(1).normal(0.5, 2, (25, 4)).round(3).tolist()
    (made / "new.csv").write_text("\n".join([NAMES, *(",".join(map(str, row)) for row in rows)]) + "\n")
    said = proofward.json("predict", made / "m.json", made / "new.csv", "--prove", made / "p.proof")
    (made / "said.json").write_text(json.dumps(said))
    return made


def test_a_table_is_predicted_and_proved(proofward, folder):
    said = json.loads((folder / "said.json").read_text())
    assert said["exit"] == 0 and len(said["predictions"]) == 25
    assert said["proof"]["file"] == str(folder / "p.proof")
    assert said["proof"]["bytes"] == (folder / "p.proof").stat().st_size
    found = proofward.json("verify", folder / "p.proof", "--model", folder / "m.json")
    assert found["exit"] == 0 and found["valid"] and not found["opened"]
    assert found["model"] == said["model"] and found["commitment"] == said["proof"]["commitment"]
    assert found["soundness_bits"] >= found["policy_bits"] == 100
    own = named(read_exported((folder / "m.json").read_bytes()))
    assert {name: found[name] for name in own} == {name: digest.hex() for name, digest in own.items()}
    for number, (shown, own) in enumerate(zip(found["predictions"], said["predictions"], strict=True), 1):
        assert shown == {"record": number, **{name: own[name] for name in ("class", "probability", "score")}}
    for name in ("p.proof", "p.proof.opening"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600


def test_words_say_what_is_shown_and_what_is_not(proofward, folder):
    result = proofward("verify", folder / "p.proof", "--model", folder / "m.json")
    assert result.exit_code == 0
    text = result.stdout
    assert text.startswith("VALID: what the model of round 2 says of the 25 committed records")
    assert "record 1: " in text and "and 5 more, which --json has" in text
    assert "says nothing about where the records come from" in text and "The records are hidden" in text
    assert f"network      {named(read_exported((folder / 'm.json').read_bytes()))['network'].hex()}" in text
    predicted = proofward("predict", folder / "m.json", folder / "new.csv", "--prove", folder / "q.proof")
    assert predicted.exit_code == 0 and predicted.stdout.startswith("row,score")
    assert "proofward verify" in predicted.stderr and "as secret as they are" in predicted.stderr


def test_the_commitment_is_opened(proofward, folder):
    words = ("verify", folder / "p.proof", "--model", folder / "m.json", "--opening")
    assert proofward.json(*words, folder / "p.proof.opening")["opened"]
    assert "The commitment is to the records in" in proofward(*words, folder / "p.proof.opening").stdout
    wrong = proofward.json(*words, folder / "new.csv")
    assert (wrong["exit"], wrong["valid"], wrong["check"]) == (1, False, "opening")


@pytest.mark.slow
def test_another_model_and_changed_bytes_are_refused(proofward, folder, tmp_path, rng):
    proof, other = folder / "p.proof", tmp_path / "other.json"
    other.write_bytes(model_of(mlp((4, 7, 2)), seed=2).to_json())
    refused = proofward.json("verify", proof, "--model", other)
    assert (refused["exit"], refused["valid"], refused["check"]) == (1, False, "model")
    model = read_exported((folder / "m.json").read_bytes())
    swapped = replace(model, description=Description.of(FEATURES.features, ("malignant", "benign")))
    other.write_bytes(swapped.to_json())
    assert proofward.json("verify", proof, "--model", other)["check"] == "description"
    data, changed = proof.read_bytes(), tmp_path / "p.proof"
    for _ in range(25):
        at = rng.randrange(64, len(data))
        changed.write_bytes(data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :])
        assert proofward("verify", changed, "--model", folder / "m.json").exit_code == 1
    changed.write_bytes(data[:-1])
    result = proofward("verify", changed, "--model", folder / "m.json")
    assert result.exit_code == 1 and "REFUSED by file" in result.stdout
    assert proofward("inspect", changed).exit_code == 1


def test_wrong_use(proofward, folder, demo_run):
    proof, model = folder / "p.proof", folder / "m.json"
    missing = proofward("verify", proof)
    assert missing.exit_code == 2 and "with --model" in missing.stderr
    assert read_exported(model.read_bytes()).digest.hex() in missing.stderr
    assert proofward("verify", proof, "--model", folder / "new.csv").exit_code == 2
    assert proofward("verify", proof, "--model", model, "--accept-weak").exit_code == 2
    round_proof = demo_run[0] / "proofs" / "hospital-1-round-2.proof"
    assert "is the proof of a round" in proofward("verify", round_proof, "--model", model).stderr
    assert proofward("verify", folder / "p.proof.opening", "--model", model).exit_code == 2


def test_inspection_tells_what_is_public(proofward, folder):
    found = proofward.json("inspect", folder / "p.proof")
    assert found["exit"] == 0 and len(found["public"]["scores"]) == 25
    assert found["bytes"]["file"] == (folder / "p.proof").stat().st_size > found["bytes"]["proof"]
    assert "`proofward verify` needs the model's file" in proofward("inspect", folder / "p.proof").stdout


def test_three_classes_have_a_score_each(proofward, folder, tmp_path):
    names = ("none", "benign", "malignant")
    model = model_of(mlp((4, 7, 3)), Description.of(FEATURES.features, names))
    (tmp_path / "m").write_bytes(model.to_json())
    said = proofward.json("predict", tmp_path / "m", folder / "new.csv", "--prove", tmp_path / "p.proof")
    found = proofward.json("verify", tmp_path / "p.proof", "--model", tmp_path / "m")
    assert said["exit"] == found["exit"] == 0 and found["probability_of"] == list(names)
    for shown, own in zip(found["predictions"], said["predictions"], strict=True):
        assert {key: value for key, value in shown.items() if key != "record"} == {
            key: value for key, value in own.items() if key != "row"
        }
    words = proofward("verify", tmp_path / "p.proof", "--model", tmp_path / "m").stdout
    first = found["predictions"][0]
    assert f"record 1: {first['class']}, probability of none 0." in words
    assert f"scores {' '.join(map(str, first['scores'].values()))}" in words


def test_too_many_records_are_refused_and_nothing_is_written(proofward, folder, tmp_path):
    table = tmp_path / "large.csv"
    table.write_text("\n".join([NAMES, *["1,2,3,4"] * 4097]) + "\n")
    result = proofward("predict", folder / "m.json", table, "--prove", tmp_path / "p.proof")
    assert result.exit_code == 1 and "4096 records at most" in result.stderr and result.stdout == ""
    assert not (tmp_path / "p.proof").exists() and not (tmp_path / "p.proof.opening").exists()


def test_images_are_predicted_and_proved(proofward, tmp_path):
    model = exported(["conv2d 4 kernel 3 padding 1", "relu_maxpool2d", "conv2d 3 kernel 2"])
    (tmp_path / "m").write_bytes(ExportedModel.to_safetensors(model))
    new = tmp_path / "new"
    new.mkdir()
    for at in range(3):
        pixels = np.random.default_rng(at).integers(0, 256, (9, 7, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(new / f"{at}.png")
    said = proofward.json("predict", tmp_path / "m", new, "--prove", tmp_path / "p.proof")
    found = proofward.json(
        "verify", tmp_path / "p.proof", "--model", tmp_path / "m", "--opening", said["proof"]["opening"]
    )
    assert said["exit"] == found["exit"] == 0 and found["opened"]
    assert [row["score"] for row in found["predictions"]] == [row["score"] for row in said["predictions"]]
    one = proofward("predict", tmp_path / "m", new / "1.png", "--prove", tmp_path / "one.proof")
    assert one.exit_code == 0
    words = proofward("verify", tmp_path / "one.proof", "--model", tmp_path / "m").stdout
    assert "says of the committed record; " in words and f"score {said['predictions'][1]['score']}" in words
