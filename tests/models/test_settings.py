"""Settings of network and training: what they become, what is refused and which values would do."""

from __future__ import annotations

import tomllib

import pytest

from proofward.cli.project.consortium_file.admissible import provable_config
from proofward.cli.project.tables.table import ProjectError
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.rules.model import Training
from proofward.models.presets import FOLDER, PRESET_FILES, PRESETS, preset, read_preset
from proofward.models.settings import Settings, settings_of

WHOLE = Settings((16, 8), 0.0625, 16, None, 14, 1.5)


def test_settings_become_the_trainers_integers():
    found = WHOLE.preset("own", "mine", 12)
    assert found.model.widths == (12, 16, 8, 2)
    assert (found.training, found.clip_bound) == (Training(rate=4, batch=16, steps=14), 1536)
    assert Settings((), 0.5, 32, 3, None, 1.0).preset("", "", 5).model.widths == (5, 2)
    assert Settings((), 0.5, 32, 3, None, 1.0).preset("", "", 5).training == Training(16, 32, epochs=3)


def test_presets_are_those_of_their_files():
    tables, pictures = {"wdbc", "logistic", "tiny", "wide"}, {name for name, own in PRESET_FILES.items() if own.of_pictures}
    assert set(PRESETS) == tables | pictures == {path.stem for path in FOLDER.glob("*")}
    assert pictures == {"brain", "brain-pooled", "cancercnn", "cancercnn-strided", "mlp784", "resnet-small", "vgg11"}
    wdbc = preset("wdbc")
    assert (wdbc.model.widths, wdbc.training, wdbc.clip_bound) == (
        (30, 32, 2), Training(rate=2, batch=16, steps=28), 2 << 10,
    )  # fmt: skip
    assert preset("tiny").training == Training(rate=4, batch=4, steps=7)
    with pytest.raises(ConfigurationError, match="one of brain, brain-pooled, "):
        preset("resnet")


@pytest.mark.parametrize("name", PRESETS)
def test_a_copy_of_a_presets_file_is_a_preset(name, tmp_path):
    text = (FOLDER / f"{name}.toml").read_text()
    copy = tmp_path / "own.toml"
    copy.write_text(text.replace("batch = ", "batch = 2 #"))
    found = read_preset(copy)
    assert (found.name, found.features, found.settings.batch) == ("own", PRESET_FILES[name].features, 2)
    assert settings_of(tomllib.loads(text)) == PRESET_FILES[name].settings


def test_what_is_left_open_comes_from_others():
    found = Settings(hidden=(), epochs=3).over(WHOLE)
    assert found == Settings((), 0.0625, 16, 3, None, 1.5)
    assert Settings(batch=32).over(WHOLE).steps == 14 and not Settings(batch=32).complete and WHOLE.complete
    with pytest.raises(ConfigurationError, match="some left open"):
        Settings(batch=32).preset("", "", 3)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("model.hidden = 5", "model.hidden: expected a list of widths"),
        ("model.hidden = [0]", "model.hidden: expected widths in [1, 65536], got 0"),
        ("model.hidden = [70000]", "widths in [1, 65536]"),
        ("model.hidden = [true]", "widths in [1, 65536]"),
        (f"model.hidden = {[4] * 65}", "at most 64 layers, got 65"),
        ("model.widths = [5]", "model.widths: expected one of hidden, layers"),
        ("model = 5", "model: expected a table"),
        ("training.rate = 5", "training.rate: expected one of learning_rate, schedule, momentum"),
        ("training.class_weights = 3", "training.class_weights: expected a list of integers"),
        ("training.class_weights = [1, 0]", "training.class_weights: expected integers in [1, 16], got 0"),
        ("training.class_weights = [1, 2.0]", "training.class_weights: expected integers in [1, 16], got 2.0"),
        ("training.batch = 12", "a power of two in [1, 65536], such as 8 or 16, got 12"),
        ("training.batch = 0", "training.batch: expected a power of two in [1, 65536]"),
        ("training.batch = 16.0", "training.batch"),
        ("training.epochs = 5000", "training.epochs: expected an integer in [1, 4096]"),
        ("training.steps = 0", "training.steps: expected an integer in [1, 1048576]"),
        ("training.steps = 3\ntraining.epochs = 3", "training: expected either epochs or steps"),
        ("training.learning_rate = 'fast'", "training.learning_rate: expected a number"),
        ("training.learning_rate = nan", "training.learning_rate: expected a number"),
        ("training.learning_rate = inf", "training.learning_rate: expected a number"),
        (f"training.learning_rate = {10**400}", "training.learning_rate: expected a number"),
        ("training.clip_bound = true", "training.clip_bound: expected a number"),
        ("training.clip_bound = 0", "a multiple of 1/1024 in [0.0009765625, 1048576.0], got 0.0"),
        ("training.clip_bound = 0.1", "such as 0.099609375 or 0.1005859375"),
        ("training.clip_bound = 2e6", "in [0.0009765625, 1048576.0]"),
    ],
)  # fmt: skip
def test_refused_settings(text, words):
    with pytest.raises(ConfigurationError) as refused:
        settings_of(tomllib.loads(text))
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        (0.02, "a multiple of batch / 1024 = 0.015625 in [0.015625, 1024.0], such as 0.015625 or 0.03125"),
        (0.001, "in [0.015625, 1024.0], got 0.001"),
        (-0.03125, "in [0.015625, 1024.0]"),
        (2000.0, "in [0.015625, 1024.0]"),
    ],
)
def test_refused_learning_rates(rate, words):
    with pytest.raises(ConfigurationError) as refused:
        Settings(learning_rate=rate).over(WHOLE).preset("", "", 12)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("summary = 'x'", "features: expected an integer"),
        ("features = 3", "summary: expected a line"),
        ("summary = 'x'\nfeatures = 3\n[model]\nhidden = [3]", "some of them missing"),
        ("summary = 'x'\nfeatures = 3\nlayers = 3", "layers: expected one of summary, features, inputs, model"),
        ("summary = 'x'\nfeatures = 3\ninputs = [1, 8, 8]", "features: expected either features or inputs"),
        ("summary = 'x'\ninputs = [8, 8]", "inputs: expected [channels, height, width]"),
        ("summary = 'x'\ninputs = [2, 8, 8]", "inputs: expected [channels, height, width], 1 or 3 channels"),
        ("summary = 'x'\ninputs = [1, 0, 8]", "inputs: expected"),
        ("summary = 'x'\ninputs = [1, 8, true]", "inputs: expected"),
        ("summary = ", "a TOML file"),
        ("# " + "x" * (1 << 16), "a file of at most 65536 bytes"),
    ],
)
def test_refused_preset_files(tmp_path, text, words):
    (tmp_path / "own.toml").write_text(text)
    with pytest.raises(ConfigurationError) as refused:
        read_preset(tmp_path / "own.toml")
    assert words in str(refused.value)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "remedy"),
    [
        ({"steps": 1_000_000}, "steps"),
        ({"learning_rate": 1000.0}, "learning_rate"),
        ({"learning_rate": 300.0, "clip_bound": 0.0625}, "clip_bound at least"),
        ({"batch": 1 << 16, "learning_rate": 64.0, "steps": 2000}, "batch"),
    ],
)
def test_what_no_round_could_prove_is_refused_with_values_that_would_do(changes, remedy):
    with pytest.raises(ProjectError) as refused:
        provable_config(Settings(**changes).over(WHOLE).preset("", "", 12), 3, 1)
    assert "settings of which every round can be proved" in str(refused.value)
    _, found, rest = str(refused.value).partition(remedy)
    assert found, str(refused.value)
    number = float(rest.replace("at most", "").replace("at least", "").split(";")[0].split(")")[0].split()[0])
    mended = {**changes, remedy.split()[0]: number if "." in rest[:20] else int(number)}
    if remedy == "batch":
        mended["learning_rate"] = changes["learning_rate"] * number / changes["batch"]
    config = provable_config(Settings(**mended).over(WHOLE).preset("", "", 12), 3, 1)
    assert config.least_rows <= config.most_rows


@pytest.mark.slow
def test_too_wide_a_network_is_refused_for_its_security(monkeypatch):
    """Without work before the lookups; with it, no network within the limits on sizes is."""
    monkeypatch.setattr("proofward.proof.counter.GRINDING_BITS", 0)
    with pytest.raises(ProjectError, match=r"security_bits.*policy demands 100") as refused:
        provable_config(Settings(hidden=(65536, 32)).over(WHOLE).preset("", "", 12), 3, 1)
    assert "hidden widths at most" in str(refused.value)
