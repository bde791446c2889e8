"""A MONAI bundle of a model of pictures: MONAI loads and runs it, and its answers are those of the model."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace

import numpy as np
import pytest

from proofward.data.image_schema import ImageSchema
from proofward.data.images.contract.rule import ImageRule
from proofward.data.images.pixels.levels import Levels
from proofward.layers.networks.network import chain
from proofward.layers.rules.model import FixedPoint
from proofward.models.graph.parts.refusals import ImportRefused
from proofward.report.handover.formats.monai_bundle import INFERENCE, METADATA, bundle_files
from proofward.report.handover.handed_model import KINDS, HandedModel, NotOurs
from proofward.report.handover.models.description import Description
from proofward.report.handover.models.exported_model import ExportedModel, Origin
from proofward.report.handover.models.model_card import ModelCard
from proofward.report.handover.predictions.image_prediction import predict_images
from tests.report.test_exported_pictures import MODEL, POOL, conv

SIDE = 8


def model_of_pictures(channels: int, classes: tuple[str, ...]) -> ExportedModel:
    rule = ImageRule(SIDE, SIDE + 1, channels)
    levels = Levels((0.4,) * channels, (0.2,) * channels)
    schema = ImageSchema(rule, levels, negative=classes[:1], positive=classes[1:])
    network = chain((channels, SIDE, SIDE + 1), [conv(4, padding=1), POOL, {"kind": "linear", "outputs": 2}])
    random = np.random.default_rng(channels)
    scales = FixedPoint()
    weights = (random.normal(0, 0.3, network.parameters) * (1 << scales.weight_bits)).astype(np.int64)
    origin = Origin("a <trial>", b"c" * 32, 2, 3, 77, b"r" * 32)
    return ExportedModel(origin, network, scales, Description.of_images(schema), weights)


@pytest.fixture(scope="module", params=[1, 3], ids=["grey", "colours"])
def bundle(request, tmp_path_factory):
    pytest.importorskip("torch", reason="the extra [torch] is not installed")
    model = model_of_pictures(request.param, ("clear", "mass"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch, on TorchScript
        files, agreement = bundle_files(model, name="masses", card="# Card\n", intended="a trial")
    assert 0 <= agreement.observed <= agreement.bound
    folder = tmp_path_factory.mktemp("bundles") / "masses"
    HandedModel(files, ModelCard("Card", []), agreement).write(folder)
    return model, folder


def pictures(folder, channels):
    image = pytest.importorskip("PIL.Image", reason="the extra [images] is not installed")
    (folder / "data").mkdir(exist_ok=True)
    random = np.random.default_rng(5)
    for number in range(5):
        shape = (SIDE, SIDE + 1) if channels == 1 else (SIDE, SIDE + 1, channels)
        image.fromarray(random.integers(0, 256, shape, dtype=np.uint8)).save(folder / "data" / f"{number}.png")


def test_monai_loads_and_runs_it_and_answers_as_the_model_does(bundle):
    monai = pytest.importorskip("monai.bundle", reason="the extra [monai] is not installed")
    model, folder = bundle
    pictures(folder, model.model.inputs.axes[0])
    config = monai.ConfigParser()
    config.read_config(folder / INFERENCE)
    config.read_meta(folder / METADATA)
    config["bundle_root"] = str(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        config.get_parsed_content("run")
        logits = config.get_parsed_content("logits").numpy()
    said = json.loads((folder / "predictions.json").read_text())
    own = predict_images(model, folder / "data")
    assert [row["class"] for row in said] == list(own.classes)
    found = np.array([row["probabilities"][1] for row in said])
    assert np.abs(found - own.probabilities).max() < 0.02 and not np.allclose(found, found[0])
    # The very numbers of the program that `--to torch` writes, for the bytes of the pictures.
    torch, module = pytest.importorskip("torch"), pytest.importorskip("proofward.report.handover.formats.exported_torch")
    image = pytest.importorskip("PIL.Image")
    held = np.stack([np.asarray(image.open(folder / "data" / f"{at}.png"), dtype=np.float64) for at in range(5)]) / 255
    records = held[:, None] if held.ndim == 3 else held.transpose(0, 3, 1, 2)
    with torch.no_grad():
        expected = module.module_of(model)(torch.from_numpy(records.copy())).numpy()
    assert np.array_equal(logits, expected)


def test_its_metadata_says_what_goes_in_and_comes_out(bundle):
    model, folder = bundle
    plain = json.loads((folder / METADATA).read_text())
    picture = plain["network_data_format"]["inputs"]["image"]
    assert (picture["num_channels"], picture["spatial_shape"]) == (model.model.inputs.axes[0], [SIDE, SIDE + 1])
    assert plain["network_data_format"]["outputs"]["pred"]["channel_def"] == {"0": "clear", "1": "mass"}
    assert plain["intended_use"] == "a trial" and model.digest.hex() in plain["description"]
    assert (folder / "docs" / "README.md").read_text() == "# Card\n"
    described = json.loads((folder / "docs" / "proofward.json").read_text())
    assert described["model"] == model.digest.hex()


def test_only_models_of_pictures_alone_become_bundles():
    with pytest.raises(ImportRefused, match="rows of a table"):
        bundle_files(MODEL, name="m", card="")
    assert "monai" in KINDS


def test_nothing_but_a_bundle_is_replaced(tmp_path):
    made = HandedModel({METADATA: b"{}\n"}, ModelCard("Card", []), None)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("x")
    with pytest.raises(NotOurs, match="no bundle"):
        made.write(tmp_path / "mine")
    assert (tmp_path / "mine" / "notes.txt").read_text() == "x"
    made.write(tmp_path / "bundle")
    replace(made, inside={METADATA: b"[]\n"}).write(tmp_path / "bundle")
    assert (tmp_path / "bundle" / METADATA).read_bytes() == b"[]\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bundle", "bundle.card.html", "bundle.card.md", "mine"]
