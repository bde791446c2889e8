"""The card of a model: what is known is there, what is not is said not to be, and nothing of it is markup."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from proofward.layers.rules.privacy import Privacy
from proofward.privacy.accountant import Accountant
from proofward.report.handover.handed_model import METRICS_NAME, handed, recorded_figures
from proofward.report.handover.models.model_card import (
    HTML,
    MARKDOWN,
    NOT_RECORDED,
    WITH_NOISE,
    WITHOUT_NOISE,
    Figures,
    model_card,
)
from proofward.report.handover.models.model_source import Taken
from tests.relations.cases import config
from tests.report.test_exported_pictures import MODEL


def history(rounds=3):
    """What a card asks of one."""
    rules = SimpleNamespace(
        accountant=None, config=config(), rounds=rounds, minimum_updates=3, counting_in=lambda number: None
    )  # fmt: skip
    closed = SimpleNamespace(
        number=1, accepted=SimpleNamespace(record=SimpleNamespace(hospitals=("a", "b", "c")))
    )
    return SimpleNamespace(rules=rules, closed=[closed], enrolled={"a": 700, "b": 500, "c": 34})


def card(model=MODEL, **more):
    return model_card(model, history(), **{"name": "m.json", "kind": "json", **more})


def test_it_says_what_it_is_and_what_it_was_trained_on():
    text = card().markdown
    for said in (
        MODEL.digest.hex(), (b"c" * 32).hex(), "round | 2 of 3", "3 hospitals enrolled 1,234 records",
        "1 of 3 rounds were closed. The last one that trained summed the updates of 3 hospitals", "benign, malignant",
        "proofward predict m.json FILE.csv", f"{MODEL.model.parameters:,}", history().rules.config.training_words,
    ):  # fmt: skip
        assert said in text, said


def test_it_says_whether_sums_have_noise():
    assert WITHOUT_NOISE in card().markdown and WITH_NOISE not in card().markdown
    known = history()
    known.rules.config = SimpleNamespace(
        privacy=SimpleNamespace(of_hospitals=False), training_words="", clip_bound=1024, security_bits=100
    )
    found = model_card(MODEL, known, name="m.json", kind="json").markdown
    assert WITH_NOISE in found and WITHOUT_NOISE not in found
    own = Privacy(0, 5750, releases=20, records_a_patient=1, colluders=2, inverse_delta=100_000)
    known.rules.accountant, known.releases = Accountant(own, 62, 4), {"a": 20, "b": 19}
    found = model_card(MODEL, known, name="m.json", kind="json").markdown
    assert "epsilon 3, delta 1e-05 spent, by 20 of 20 releases, for each record" in found


def test_what_nobody_has_said_is_not_recorded():
    text = card().markdown
    assert text.count(f"{NOT_RECORDED.capitalize()}") == 2 and "evaluate it on records of your own" in text
    found = Figures("Counted by 3 hospitals: signed, not proved.", [("AUC", "0.9500")])
    said = card(figures=[found], intended="Second reading of scans.").markdown
    assert NOT_RECORDED not in said.lower() and "signed, not proved" in said and "| AUC | 0.9500 |" in said
    assert "Second reading of scans." in said


@pytest.mark.parametrize("kind", ["safetensors", "json", "onnx", "torch", "monai"])
def test_every_kind_says_how_it_is_loaded(kind):
    found = card(kind=kind, name="the-model")
    assert (
        "the-model" in found.markdown
        and "the-model" in found.html
        and "{" not in found.markdown.split("```")[1].replace("{session", "")
    )


def test_names_from_outside_are_text_in_both_forms():
    origin = replace(MODEL.origin, federation="<b>x</b> | [y](z)")
    found = card(replace(MODEL, origin=origin))
    assert "<b>" not in found.html and "&lt;b&gt;x" in found.html
    assert "\\<b\\>x" in found.markdown and "\\| \\[y\\](z)" in found.markdown
    assert found.html.startswith("<!doctype html>") and "http" not in found.html.replace("proofward", "")


def test_figures_of_a_demonstration_are_those_of_this_model(tmp_path):
    taken = Taken(MODEL, history())
    assert recorded_figures(tmp_path, taken) == []
    by_round = {"loss": [0.7, 0.3], "accuracy": [0.5, 0.9], "auc": [0.5, 0.95]}
    plain = {"model": MODEL.digest.hex(), "held_out": {"rows": 1200, "by_round": by_round}}
    (tmp_path / METRICS_NAME).write_text(json.dumps(plain))
    (found,) = recorded_figures(tmp_path, taken)
    assert found.rows[0] == ("AUC", "0.9500") and "1,200 records" in found.basis
    assert "neither signed nor proved" in found.basis
    (tmp_path / METRICS_NAME).write_text(json.dumps({**plain, "model": "0" * 64}))
    assert recorded_figures(tmp_path, taken) == []
    (tmp_path / METRICS_NAME).write_text("{")
    assert recorded_figures(tmp_path, taken) == []


def test_the_file_and_both_forms_lie_beside_one_another(tmp_path):
    made = handed(Taken(MODEL, history()), "json", "m.json")
    assert made.there(tmp_path / "m.json") is None
    made.write(tmp_path / "m.json")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "m.json",
        f"m.json{HTML}",
        f"m.json{MARKDOWN}",
    ]
    (tmp_path / "m.json").unlink()
    assert made.there(tmp_path / "m.json") == tmp_path / f"m.json{MARKDOWN}"
    weights = np.array(json.loads(made.inside[""])["tensors"]["layer1.weight"]["integers"])
    assert weights.size == MODEL.model.layers[0].weights.size
