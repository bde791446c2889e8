"""What cannot be done is refused in whole sentences, all of it at once, before anything is run."""

from __future__ import annotations

import gc
from functools import partial

import numpy as np
import pytest

import proofward as pw
from proofward.api.place import Place
from proofward.engines import in_process
from tests.api.tables import COLUMNS, QUICK, arrays, files, sites
from tests.cli.own_images import write_project as write_image_file
from tests.federation.fakes import FakeProofs

quick = partial(pw.Federation, **QUICK)


def changed(name: str = "b", **columns: object) -> dict:
    """The arrays of the hospitals, one of them with other values in the first row and the first column."""
    found = sites()
    values, labels = (array.copy() for array in found[name])
    values[0, 0] = columns.get("value", values[0, 0])
    found[name] = (values, np.array(columns["labels"]) if "labels" in columns else labels)
    return found


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"preset": "best"}, r"preset: expected one of brain, .*, found 'best'"),
        ({"batch": 3}, "training.batch: expected a power of two"),
        ({"hidden": [0]}, r"model.hidden: expected widths in \[1, "),
        ({"layers": ["magic 3"]}, "model.layers, layer 1"),
        ({"layers": ["linear 3"], "hidden": [3]}, "model: expected either hidden or layers, found .both."),
        ({"epochs": 1, "steps": 1}, "training: expected either epochs or steps, found .both."),
        ({"learning_rate": 0.1}, "training.learning_rate: expected a multiple of batch / 1024"),
        ({"momentum": 2}, "training.momentum: expected a multiple of 0.000001 in"),
        ({"privacy": "strict"}, "privacy: expected epsilon, a mapping such as .*, found 'strict'"),
        ({"privacy": 0}, "privacy.epsilon: expected a number above 0"),
        ({"privacy": {"epsilon": 3, "budget": 1}}, "privacy.budget: expected one of none, epsilon"),
        ({"privacy": 3, "epochs": 2}, "training.epochs: expected nothing beside .privacy., whose rounds are one step"),
        ({"rounds": 0}, r"rounds: expected an integer in \[1, "),
        ({"aggregation": "mean"}, "aggregation.optimizer: expected "),
        ({"aggregation": {"optimizer": "fedavgm", "speed": 1}}, "aggregation.speed: expected one of "),
        ({"scales": {"bits": 3}}, "scales.bits: expected one of "),
        ({"verifiers": 0}, "site: expected at least one verifier"),
        ({"threshold": "many"}, "policy.threshold: expected an integer in"),
        ({"classes": ["B", "B"]}, "different values for negative and positive"),
        ({"classes": "BM"}, "classes: expected a list of what stands for each, found 'BM'"),
        ({"classes": ["B"]}, "label.classes: expected two classes or more, found 1"),
        ({"label": ""}, "label.column: expected 1 to 200 characters"),
        ({"aggregation": 5}, "aggregation: expected an optimizer's name, one such as proofward.FedAdam"),
        ({"features": 5}, "features: expected a mapping from each column's name"),
        ({"features": {}}, "features: expected a mapping from each column's name"),
        ({"folder": 5}, "folder: expected a path, found 5"),
        ({"seed": "x"}, "seed: expected an integer, found 'x'"),
        ({"features": {"age": 3}}, "features: expected for age a pair of numbers"),
        ({"features": {"age": (0, 0)}}, "features: expected for age .* above 0"),
        ({"workers": 0}, "workers: expected an integer"),
    ],
)
def test_settings_that_make_no_sense(settings, words):
    with pytest.raises(pw.SettingsRefused, match=words):
        pw.Federation(**settings)


def test_all_that_is_wrong_with_settings_is_said_at_once():
    with pytest.raises(pw.SettingsRefused) as refused:
        pw.Federation(batch=3, rounds=0, title="")
    assert len(refused.value.problems) == 2
    assert issubclass(pw.SettingsRefused, pw.FederationError) and issubclass(pw.FederationError, ValueError)


def test_settings_that_nobody_knows():
    with pytest.raises(TypeError, match="hiden"):
        pw.Federation(hiden=[3])


def test_settings_that_do_not_fit_the_hospitals():
    with pytest.raises(pw.SettingsRefused, match=r"these settings: policy.threshold: expected fewer than the 3"):
        pw.Federation(**QUICK, threshold=3).fit(sites())
    with pytest.raises(pw.SettingsRefused, match="these settings: policy: "):
        pw.Federation(**QUICK, accepting=2).fit(sites())


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (lambda: dict(list(sites().items())[:2]), "site: expected three hospitals"),
        (lambda: {}, "site: expected three hospitals"),
        (lambda: {"Big Hospital": arrays(), **sites()}, "site name: expected lower-case letters"),
        (lambda: list(sites().values()), "expected a mapping from each hospital's name"),
        (lambda: changed(value=np.nan), "of b: .*\n?.*column 1, feature-1: missing values: 1 .row 1."),
        (lambda: changed(value=np.inf), "column 1, feature-1: values that are not finite: 1"),
        (lambda: {**sites(), "c": (arrays()[0][:, :3], arrays()[1])}, "of c: other columns than a has: it lacks feature-4"),
        (lambda: {**sites(), "c": arrays(3)}, "of c: .*\n?.*too few rows: expected at least 4, .* found 3"),
        (lambda: {**sites(), "c": (arrays()[0], arrays()[1][:9])}, "c: expected a label for each of the 24 rows, found 9"),
        (lambda: {**sites(), "c": (arrays()[0][0], ["B"])}, "expected rows and columns, .* found an array of 1 dimension"),
        (lambda: {**sites(), "c": arrays()[0]}, r"c: expected a pair \(X, y\), .* found ndarray"),
        (lambda: {**sites(), "c": "nowhere.csv"}, "c: nowhere.csv is no file"),
        (lambda: changed(labels=["M"] * 24), "all 24 records have one label; force=True goes on"),
        (lambda: changed(labels=["M"] * 23 + [None]), "column 5, diagnosis: missing values: 1 .row 24."),
        (lambda: {name: (values, ["M"] * 24) for name, (values, _) in sites().items()}, "two classes or more in all tables together, found one class"),
        (lambda: {name: (values, values[:, 0]) for name, (values, _) in sites(30).items()}, "label.classes: expected 2 to 64"),
    ],
)  # fmt: skip
def test_tables_that_are_not_taken_in(given, words, tmp_path):
    federation = quick(folder=tmp_path / "run")
    with pytest.raises((pw.TablesRefused, pw.SettingsRefused), match=words) as refused:
        federation.fit(given())
    assert not (tmp_path / "run").exists() and "nan" not in str(refused.value)
    with pytest.raises(pw.NotFitted):
        _ = federation.folder


def test_wrong_frames(tmp_path):
    pandas = pytest.importorskip("pandas")
    frames = {name: pandas.DataFrame(x, columns=COLUMNS).assign(diagnosis=y) for name, (x, y) in sites().items()}
    cases = {
        "of b: other columns than a has: it lacks age; it has besides Age": frames["b"].rename(columns={"age": "Age"}),
        "of b: there is no column diagnosis, which is to hold the label": frames["b"].drop(columns="diagnosis"),
        "column 1, age: values that are no number: 24 .rows 1, 2, 3 and 21 more": frames["b"].assign(age="old"),
        "column 1, age: constant, all 24 values are the same": frames["b"].assign(age=60.0),
        "of b: there twice: age": pandas.concat([frames["b"], frames["b"][["age"]]], axis=1),
        "column 3, dose: missing values: 24": frames["b"].assign(dose=None),
    }
    for words, frame in cases.items():
        with pytest.raises(pw.TablesRefused, match=words):
            quick().fit({**frames, "b": frame})
    both = (frames["b"], frames["b"]["diagnosis"])
    with pytest.raises(pw.TablesRefused, match="there twice: diagnosis"):
        quick().fit({**frames, "b": both})


def test_wrong_files(tmp_path):
    paths = files(tmp_path)
    paths["b"].write_text(paths["b"].read_text().replace(",M\n", ",\n", 1))
    paths["c"].write_text(paths["c"].read_text().replace("dose", "Dose", 1))
    with pytest.raises(pw.TablesRefused) as refused:
        quick(ignore=["id"]).fit(paths)
    assert "c.csv of c: other columns than a has" in str(refused.value) and len(refused.value.problems) == 1
    with pytest.raises(pw.TablesRefused, match=r"b.csv of b: column 6, diagnosis: empty cells: 1"):
        quick(ignore=["id"]).fit({**paths, "c": paths["a"]})
    with pytest.raises(pw.TablesRefused, match="the labels of a file stand in its column diagnosis"):
        quick(ignore=["id"]).fit({**paths, "b": (paths["b"], ["B"] * 24)})


def test_hospitals_of_a_file(tmp_path):
    file = quick_file(tmp_path)
    federation = pw.Federation.from_file(file, progress=False)
    assert federation.settings["classes"] == ["B", "M"] and federation.to_file(tmp_path / "again.toml")
    with pytest.raises(pw.TablesRefused, match=r"expected a table for each of a, b, c, the hospitals of .*, found a"):
        federation.fit({"a": arrays()})
    with pytest.raises(pw.TablesRefused, match="c: expected 4 columns, one for each feature, found 3"):
        federation.fit({**sites(), "c": (arrays()[0][:, :3], arrays()[1])})
    with pytest.raises(pw.TablesRefused, match="cells that are none of the agreed labels, B and M: 24"):
        federation.fit({**sites(), "c": (arrays()[0], np.arange(24) % 2)})
    file.write_text(file.read_text().replace("rounds = 2", "rounds = 0"))
    with pytest.raises(pw.SettingsRefused, match="rounds: expected an integer"):
        pw.Federation.from_file(file)
    with pytest.raises(pw.SettingsRefused, match=r"none.toml"):
        pw.Federation.from_file(tmp_path / "none.toml")


def quick_file(folder):
    """The consortium.toml of a federation that has not been run."""
    from proofward.api.recipe import Recipe
    from proofward.cli.project.consortium_file.writing import project_text
    from proofward.data.columns.schema import Feature, Label

    given = {name: value for name, value in QUICK.items() if name != "progress"}
    recipe = Recipe({**given, "preset": "tiny", "title": "Own"})
    features = [Feature(name, 1.0, 2.0) for name in COLUMNS]
    path = folder / "consortium.toml"
    path.write_text(project_text(recipe.project("abc", features, Label("diagnosis", "B", "M"))))
    return path


def test_a_file_of_images(tmp_path):
    federation = pw.Federation.from_file(write_image_file(tmp_path), folder=tmp_path / "run")
    values, labels = arrays()
    with pytest.raises(pw.TablesRefused, match="images"):
        federation.fit({name: (values, labels) for name in ("a", "b", "c")})


def test_nothing_is_answered_before_there_is_a_model(tmp_path):
    federation, (values, labels) = quick(), arrays()
    for ask in (
        lambda: federation.predict(values), lambda: federation.predict_proba(values),
        lambda: federation.evaluate(values, labels), lambda: federation.export(tmp_path / "m.json"),
        lambda: federation.report(tmp_path / "r"), lambda: federation.to_file(tmp_path / "c.toml"),
        federation.audit, lambda: federation.history, lambda: federation.model, lambda: federation.classes_,
    ):  # fmt: skip
        with pytest.raises(pw.NotFitted, match="there is no model yet: call fit with the data of each hospital"):
            ask()
    assert not list(tmp_path.iterdir()) and repr(federation) == "Federation(not fitted yet)"
    assert federation.settings["rounds"] == 2


def test_a_folder_that_holds_something_else(tmp_path):
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(pw.RunRefused, match="is neither empty nor a run"):
        quick(folder=tmp_path).fit(sites())
    assert [entry.name for entry in tmp_path.iterdir()] == ["mine"]


@pytest.mark.slow
def test_an_interrupted_run_goes_on(tmp_path, monkeypatch, capsys):
    """In the same process, as in a notebook, where the first attempt is still known."""
    monkeypatch.setattr(in_process, "RelationProofs", FakeProofs)
    federation = pw.Federation(**{**QUICK, "progress": True}, folder=tmp_path / "run")
    passes, whole = [], in_process.InProcessFederation._pass

    def interrupted(engine):
        passes.append(engine)
        if len(passes) == 12:
            raise KeyboardInterrupt
        whole(engine)

    monkeypatch.setattr(in_process.InProcessFederation, "_pass", interrupted)
    with pytest.raises(KeyboardInterrupt) as kept:
        federation.fit(sites())
    said = capsys.readouterr().out
    assert f"interrupted; go on by the same call, with folder='{tmp_path / 'run'}'" in said
    federation.fit(sites())
    said = capsys.readouterr().out
    assert f"going on with {tmp_path / 'run'}" in said and "2 rounds closed" in said and kept.value is not None
    assert len(federation.history) == 3


def test_a_temporary_folder_goes_with_its_owner(tmp_path):
    place = Place(None)
    path = place.path
    path.mkdir()
    assert path.parent.stat().st_mode & 0o077 == 0 and "folder=" in place.words
    del place
    gc.collect()
    assert not path.parent.exists()
    kept = Place(tmp_path / "kept")
    assert kept.words == str(tmp_path / "kept") and not kept.temporary
