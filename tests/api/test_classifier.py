"""The estimator keeps scikit-learn's conventions. Its checks run with proofs that cost nothing; one fit has real ones."""

from __future__ import annotations

import pickle
import subprocess
import sys
import tempfile

import numpy as np
import pytest

import proofward as pw
from proofward.engines import in_process
from tests.api.tables import COLUMNS, arrays
from tests.federation.fakes import FakeProofs

pytest.importorskip("sklearn")
from sklearn.base import clone
from sklearn.model_selection import cross_val_score
from sklearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    estimator_checks_generator,
)

pytestmark = pytest.mark.slow
EXPECTED_TO_FAIL: dict[str, str] = {}
"""Of scikit-learn's checks, and why: none. `check_array_api_input` is skipped there: arrays are numpy's."""
SAMPLE = {
    "check_classifiers_train", "check_classifiers_one_label", "check_classifiers_regression_target",
    "check_estimators_nan_inf", "check_estimators_pickle", "check_estimators_unfitted", "check_fit2d_1sample",
    "check_fit_idempotent", "check_n_features_in_after_fitting", "check_no_attributes_set_in_init",
    "check_parameters_default_constructible",
}  # fmt: skip
"""Checks that `make test` runs; `make exhaustive` runs all."""
CHECKED = pw.FederatedClassifier(
    hidden=(8,), batch=2, steps=24, rounds=1, learning_rate=0.25, verifiers=1, random_state=0
)
QUICK = {"hidden": [4], "batch": 4, "steps": 12, "rounds": 1, "learning_rate": 0.125, "verifiers": 1}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Temporary folders of runs go where those of tests are."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.fixture
def free_proofs(monkeypatch):
    monkeypatch.setattr(in_process, "RelationProofs", FakeProofs)


def conventions():
    """scikit-learn's checks as parameters, those outside the sample marked as exhaustive."""
    seen, found = set(), []
    for estimator, check in estimator_checks_generator(CHECKED, expected_failed_checks=EXPECTED_TO_FAIL):
        name = check.func.__name__
        first = name in SAMPLE and name not in seen
        seen.add(name)
        found.append(pytest.param(estimator, check, id=name, marks=() if first else pytest.mark.exhaustive))
    assert seen >= SAMPLE, SAMPLE - seen
    return found


@pytest.mark.parametrize(("estimator", "check"), conventions())
def test_scikit_learns_conventions(estimator, check, free_proofs):
    check(estimator)


@pytest.mark.exhaustive
def test_names_of_columns_are_scikit_learns(free_proofs):
    pytest.importorskip("pandas")
    check_dataframe_column_names_consistency("FederatedClassifier", CHECKED)


def test_rows_are_dealt_to_sites_by_chance_each_class_evenly(free_proofs):
    values, labels = arrays(48)
    one = pw.FederatedClassifier(**QUICK, random_state=3).fit(values, labels)
    counts = [[int(((one.sites_ == f"site-{at}") & (labels == name)).sum()) for name in "BM"] for at in (1, 2, 3)]
    assert np.ptp(np.array(counts), axis=0).max() <= 1 and np.sum(counts) == 48
    other = clone(one).set_params(random_state=None).fit(values, labels)
    assert list(other.sites_) != list(one.sites_) and other.model_.digest != one.model_.digest


def test_sites_of_rows_are_said_by_an_array_or_a_column(free_proofs):
    pandas = pytest.importorskip("pandas")
    values, labels = arrays(48)
    sites = np.repeat(["north", "east", "south"], 16)
    one = pw.FederatedClassifier(**QUICK, random_state=0).fit(values, labels, sites=sites)
    assert list(one.federation_.settings["sites"])[:3] == ["east", "north", "south"]
    frame = pandas.DataFrame(values, columns=COLUMNS).assign(hospital=sites)
    two = pw.FederatedClassifier(**QUICK, random_state=0).fit(frame, labels, sites="hospital")
    assert list(two.feature_names_in_) == list(COLUMNS) and two.model_.digest == one.model_.digest
    assert list(two.predict(frame)) == list(two.predict(frame[list(COLUMNS)])) == list(one.predict(values))
    for given, words in ((sites[:9], "expected one for each of the 48 rows"), ("ward", "expected a column of the frame")):
        with pytest.raises(pw.TablesRefused, match=words):
            one.fit(values, labels, sites=given)
    with pytest.raises(pw.SettingsRefused, match="three hospitals"):
        one.fit(values, labels, sites=np.repeat(["north", "east"], 24))
    with pytest.raises(pw.TablesRefused, match="n_sites: expected an integer, at least 3"):
        clone(one).set_params(n_sites=2).fit(values, labels)


def test_a_private_fit_says_what_is_promised_and_spent(free_proofs, tmp_path):
    values, labels = arrays(48)
    promise = {"epsilon": 8, "delta": 1e-4, "releases": 3}
    one = pw.FederatedClassifier(hidden=[4], batch=32, rounds=1, verifiers=1, privacy=promise)
    again = clone(one)
    assert again.get_params()["privacy"] == promise and again.privacy is not one.privacy
    federation = again.fit(values, labels).federation_
    known = federation.privacy
    assert known["epsilon"] <= 8 and (known["delta"], known["spent"]["releases"]) == (1e-4, 1)
    assert 0 < known["spent"]["epsilon"] < known["epsilon"]
    settings = {**promise, "clip": 1.0, "records_a_patient": 1, "colluders": 1, "count_releases": 1, "exact_counts": False, "granularity": "record"}
    assert federation.settings["privacy"] == settings and "clip_bound" not in federation.settings
    file = federation.to_file(tmp_path / "consortium.toml")
    assert pw.Federation.from_file(file).settings == federation.settings


def test_names_of_columns_and_of_sites_that_are_numbers(free_proofs):
    pandas = pytest.importorskip("pandas")
    values, labels = arrays(48)
    numbers = np.repeat([3, 1, 2], 16)
    one = pw.FederatedClassifier(**QUICK).fit(pandas.DataFrame(values, columns=COLUMNS), labels, sites=numbers)
    assert sorted(set(one.sites_)) == ["site-1", "site-2", "site-3"] and one.sites_[0] == "site-3"
    assert [entry.name for entry in one.model_.description.features] == list(COLUMNS)
    assert one.model_.description.classes == ("B", "M")


def test_it_is_validated_across_parts(free_proofs):
    values, labels = arrays(60)
    found = cross_val_score(pw.FederatedClassifier(**QUICK, random_state=0), values, labels, cv=2, scoring="roc_auc")
    assert found.shape == (2,) and found.min() > 0.5


def test_a_fit_with_real_proofs_is_audited_and_survives_a_pickle():
    values, labels = arrays(48)
    one = pw.FederatedClassifier(**QUICK).fit(values, labels)
    assert one.federation_.audit().passed
    copy = pickle.loads(pickle.dumps(one))
    assert np.array_equal(copy.predict_proba(values), one.predict_proba(values))
    assert not hasattr(copy, "federation_")


def test_without_scikit_learn_it_says_what_to_install():
    code = (
        "import sys; sys.modules['sklearn'] = None\nimport proofward\n"
        "try: proofward.FederatedClassifier\nexcept ImportError as error: print(error)\nproofward.Federation"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "FederatedClassifier needs scikit-learn: pip install 'proofward[sklearn]'"
