"""Labels, ignored columns and notation in consortium.toml, and a public file's layout as it is found."""

from __future__ import annotations

import pytest

from proofward.cli.project.consortium_file.reading import read_project
from proofward.cli.project.consortium_file.writing import project_text
from proofward.data.columns.schema import Feature, Label, Notation
from proofward.data.wdbc import NORMALISATION, load_wdbc
from proofward.layers.rules.model import FixedPoint
from tests.data.reading import read_csv

SITES = ("--hospital", "a", "--hospital", "b", "--hospital", "c", "--verifier", "a", "--verifier", "b")
DRAFT = ("--no-dp", "--title", "T", "--server", "localhost", *SITES, "--draft")
KINDS = {"mean": "_mean", "error": "_se", "worst": "_worst"}


@pytest.fixture
def draft(proofward, tmp_path):
    assert proofward("consortium", "init", tmp_path, *DRAFT).exit_code == 0
    return tmp_path / "consortium.toml"


def change(path, *pairs: tuple[str, str]) -> None:
    text = path.read_text()
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new, 1)
    path.write_text(text)


AGREED = (
    ("ignore = []", 'ignore = ["patient_id", "id"]'),
    ('decimal = "."', 'decimal = ","'),
    ("clipped_percent = 20", "clipped_percent = 5"),
    ('column = "label"', 'column = "diagnosis"'),
    ('positive = "1"', 'positive = "M"'),
    ('negative = "0"', 'negative = "B"'),
    ("centre = 14.1", 'unit = "mm"\ncentre = 14.1'),
)


def test_the_usual_ones(draft):
    assert read_project(draft).notation == Notation()


def test_as_agreed_and_there_and_back(draft):
    change(draft, *AGREED)
    project = read_project(draft)
    assert project.notation == Notation(Label("diagnosis", "B", "M"), ("id", "patient_id"), ",", 5)
    assert project.features[0] == Feature("mean radius", 14.1, 3.52, "mm")
    assert project.schema.classes == ("B", "M")
    draft.write_text(project_text(project))
    assert read_project(draft) == project


def test_numbers_without_quotes(draft):
    change(draft, ('positive = "1"', "positive = 4"), ('negative = "0"', "negative = 2"))
    assert read_project(draft).notation.label == Label("label", "2", "4")


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("ignore = []", 'ignore = "id"', "ignore: expected a list of texts"),
        ("ignore = []", "ignore = [3]", "ignore: expected a list of texts"),
        ("ignore = []", 'ignore = ["mean radius"]', "ignore: expected columns that are not used"),
        ("ignore = []", 'ignore = [" id"]', "without spaces"),
        ('decimal = "."', 'decimal = ";"', "decimal: expected"),
        ("clipped_percent = 20", "clipped_percent = 101", "clipped_percent: expected an integer in [0, 100]"),
        ("clipped_percent = 20", 'clipped_percent = "20"', "clipped_percent: expected an integer"),
        ('column = "label"', 'column = "mean radius"', "name of a feature, mean radius"),
        ('column = "label"', 'colum = "label"', "label.colum: expected one of"),
        ('column = "label"', 'column = ""', "label.column: expected 1 to"),
        ('positive = "1"', 'positive = "0.0"', "different values for negative and positive"),
        ('positive = "1"', "positive = true", "label.positive: expected a text in quotes"),
        ('positive = "1"', "positive = 1.0", "label.positive: expected a text in quotes"),
        ("centre = 14.1", 'unit = 3\ncentre = 14.1', "feature 1.unit: expected a text"),
        ("centre = 14.1", f'unit = "{"m" * 41}"\ncentre = 14.1', "unit of feature mean radius"),
    ],
)  # fmt: skip
def test_nonsense_is_refused(draft, proofward, old, new, where):
    change(draft, (old, new))
    result = proofward("consortium", "init", draft.parent, "--draft")
    assert result.exit_code == 1 and where in result.stderr and str(draft) in result.stderr


def public_name(name: str) -> str:
    """The name of a feature in the table of the same records that is widely passed on."""
    words = [word for word in name.split(" ") if word not in KINDS]
    kind = next(KINDS[word] for word in name.split(" ") if word in KINDS)
    return ("_".join(words) if words != ["concave", "points"] else "concave points") + kind


def test_the_public_table_of_the_wisconsin_records_as_it_is_found(draft, proofward, tmp_path):
    """Columns id, diagnosis (M or B), radius_mean, ..., and a comma at the end of the header."""
    bunch = pytest.importorskip("sklearn.datasets").load_breast_cancer()
    change(draft, ("ignore = []", 'ignore = ["id"]'), *AGREED[3:6],
           *((f'name = "{name}"', f'name = "{public_name(name)}"') for name, _, _ in NORMALISATION))  # fmt: skip
    names = [public_name(name) for name, _, _ in NORMALISATION]
    assert {"radius_mean", "concave points_worst", "fractal_dimension_se"} < set(names)
    lines = [",".join(f'"{name}"' for name in ("id", "diagnosis", *names)) + ","]
    for number, (values, target) in enumerate(zip(bunch.data, bunch.target, strict=True)):
        lines.append(f"{842302 + number},{'MB'[target]},{','.join(map(repr, map(float, values)))}")
    path = tmp_path / "data.csv"
    path.write_text("\n".join(lines) + "\n")
    table = read_csv(path, read_project(draft).schema, FixedPoint())
    expected = load_wdbc(FixedPoint())
    assert (table.records.features == expected.features).all()
    assert (table.records.labels == expected.labels).all() and table.doubts == ()
    said = proofward.json("check-data", draft, "--data", path)
    assert said["exit"] == 0 and said["labels"] == {"B": 357, "M": 212} and said["rows"] == 569
