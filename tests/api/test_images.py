"""A federation in Python whose hospitals have images, and runs that are opened again from their folders."""

from __future__ import annotations

import numpy as np
import pytest

import proofward as pw
from tests.api.tables import QUICK, sites
from tests.cli.own_images import CLASSES, HOSPITALS, LAYERS, SIDE, write_folders, write_npz, write_project

pytestmark = pytest.mark.slow
SETTINGS = {
    "images": {"size": f"{SIDE}x{SIDE}"}, "classes": list(CLASSES), "layers": LAYERS.strip('[]"').split('", "'),
    "learning_rate": 0.125, "batch": 8, "steps": 2, "clip_bound": 2, "rounds": 1,
}  # fmt: skip


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return dict(zip(HOSPITALS, write_folders(tmp_path_factory.mktemp("images")), strict=True))


@pytest.fixture(scope="module")
def fitted(folders, tmp_path_factory):
    run = tmp_path_factory.mktemp("runs") / "run"
    federation = pw.Federation(**SETTINGS, folder=run, progress=False)
    return federation.fit({**folders, "b": pw.Images(folders["b"])})


def test_images_are_fitted_judged_and_audited(fitted, folders, tmp_path):
    chances = fitted.predict_proba(folders["a"] / "mass")
    assert chances.shape == (8, 2) and np.allclose(chances.sum(axis=1), 1)
    assert set(fitted.predict(folders["a"] / "mass")) <= set(CLASSES)
    found = fitted.evaluate(folders["c"])
    assert found.rows == 16 and found.classes == CLASSES and fitted.audit().passed
    assert fitted.settings["images"]["size"] == f"{SIDE}x{SIDE}" and fitted.settings["classes"] == list(CLASSES)
    again = pw.Federation.from_file(fitted.to_file(tmp_path / "consortium.toml"))
    assert again.settings == fitted.settings


def test_a_file_of_images_is_taken(folders, tmp_path):
    federation = pw.Federation.from_file(write_project(tmp_path))
    assert federation.settings["classes"] == list(CLASSES)
    with pytest.raises(pw.TablesRefused, match="images for each of a, b, c"):
        federation.fit({"a": folders["a"]})


def test_wrong_images_and_settings_are_refused_in_words(fitted, tmp_path):
    with pytest.raises(pw.SettingsRefused, match="classes"):
        pw.Federation(images={"size": "16x16"})
    with pytest.raises(pw.SettingsRefused, match=r"images\.size"):
        pw.Federation(**{**SETTINGS, "images": {"size": "wide"}})
    with pytest.raises(pw.TablesRefused, match="folder or an archive"):
        fitted.predict(np.zeros((3, 4)))
    with pytest.raises(pw.TablesRefused, match="is no file and no folder"):
        fitted.predict(tmp_path / "none")
    with pytest.raises(pw.TablesRefused, match="classes of images are those of their folders"):
        fitted.evaluate(tmp_path, [0, 1])
    with pytest.raises(pw.TablesRefused, match="nothing was taken in"):
        fitted.evaluate(pw.Images(write_npz(tmp_path / "numbers.npz")))  # whose classes are 0 and 1


def test_an_opened_run_answers_as_the_one_that_was_fitted(fitted, folders, tmp_path):
    opened = pw.Federation.open(fitted.folder)
    assert np.array_equal(opened.predict_proba(folders["a"]), fitted.predict_proba(folders["a"]))
    assert str(opened.evaluate(folders["c"])) == str(fitted.evaluate(folders["c"]))
    assert opened.audit().passed and opened.settings["hospitals"] == list(HOSPITALS)
    one, other = fitted.export(tmp_path / "one.json"), opened.export(tmp_path / "other.json")
    assert one.read_bytes() == other.read_bytes()
    assert opened.report(tmp_path / "report", folders["c"], draw=False).exists()
    for asked in (lambda: opened.history, lambda: opened.report(tmp_path / "own")):
        with pytest.raises(pw.RunRefused, match="no records of the training"):
            asked()
    with pytest.raises(pw.RunRefused, match=r"no consortium\.toml"):
        opened.to_file(tmp_path / "c.toml")
    with pytest.raises(pw.SettingsRefused, match="not fitted again"):
        opened.fit(folders)
    assert (fitted.folder / "ledger").is_dir()


def test_a_run_of_tables_is_opened_with_the_name_of_its_label(tmp_path):
    federation = pw.Federation(**QUICK, folder=tmp_path / "run").fit(sites())
    x, y = sites()["a"]
    opened = pw.Federation.open(tmp_path / "run", label="diagnosis")
    assert np.array_equal(opened.predict_proba(x), federation.predict_proba(x))
    assert opened.evaluate(x, y).accuracy == federation.evaluate(x, y).accuracy


def test_what_is_no_run_is_not_opened(tmp_path):
    with pytest.raises(pw.RunRefused, match="is no folder"):
        pw.Federation.open(tmp_path / "none")
    with pytest.raises(pw.RunRefused, match="has no ledger"):
        pw.Federation.open(tmp_path)
