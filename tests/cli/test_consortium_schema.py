"""The JSON schema of consortium.toml says what the reader takes: each limit is tried from both sides."""

from __future__ import annotations

import copy
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from proofward.cli.project.consortium_file.keys import TOP
from proofward.cli.project.consortium_file.reading import project_of, read_project
from proofward.cli.project.consortium_file.writing import project_text
from proofward.cli.project.consortium_schema import schema
from proofward.models.keys import (
    Alternatives,
    Cell,
    Either,
    Flag,
    Integer,
    Keys,
    Number,
    Pair,
    Several,
    Text,
)
from proofward.models.presets import FOLDER
from tests.cli.own_tables import write_project
from tests.docs.blocks import ROOT, blocks

jsonschema = pytest.importorskip("jsonschema", reason="the extra dev has it")
KIND = {Integer: "x", Number: "x", Flag: 1, Text: 1, Cell: 1.5, Several: 1, Pair: 1, Keys: 1, Alternatives: 1}
"""A value of another kind than each."""


@pytest.fixture(scope="module")
def validator():
    made = jsonschema.Draft202012Validator(schema())
    made.check_schema(schema())
    return made


def plain(folder: Path, more: str = "", top: str = "") -> dict[str, Any]:
    path = write_project(folder, more=top)
    path.write_text(path.read_text() + more)
    return tomllib.loads(path.read_text())


@pytest.fixture
def whole(tmp_path) -> dict[str, Any]:
    """Something stands in every table that goes with tables of patients."""
    values = plain(tmp_path, '[[feature]]\nname = "stain"\nkind = "category"\nlevels = ["HE", "IHC"]\n'
                   '[[feature]]\nname = "grade"\nkind = "ordinal"\nlevels = [1, 2]\n[id]\ncolumn = "patient"\n'
                   '[validation]\nshare = 0.2\n[scales]\ntable_bits = 12\n[policy]\nminimum = 3\n'
                   '[aggregation]\noptimizer = "fedavgm"\n')  # fmt: skip
    del values["feature"][1:12]
    values["training"]["schedule"] = {"kind": "step", "every": 1, "factor": 0.5}
    return values


@pytest.fixture
def pictures(whole) -> dict[str, Any]:
    """The same of pictures, each with a row of a table."""
    values = {name: value for name, value in whole.items() if name not in ("ignore", "id", "validation")}
    values["model"] = {"layers": ["linear 4", "add row by linear 4"]}
    values["images"] = {"size": "8x8", "colours": False, "window": "40,400", "centre": 0.5, "fit": "crop"}
    return {**values, "table": {"id": "patient", "ignore": ["comment"]}, "label": {"classes": ["a", ["b", "c"]]}}


@pytest.mark.parametrize("of", ["whole", "pictures"])
def test_takes_what_the_reader_takes_and_writes(validator, of, tmp_path, request):
    whole = request.getfixturevalue(of)
    assert not list(validator.iter_errors(whole))
    project, problems = project_of(whole, tmp_path)
    assert problems == [] and project is not None
    assert not list(validator.iter_errors(tomllib.loads(project_text(project))))


def test_takes_the_tables_of_every_preset(validator, whole):
    for path in FOLDER.glob("*.toml"):
        tables = {name: value for name, value in tomllib.loads(path.read_text()).items()
                  if name in ("model", "training", "scales")}  # fmt: skip
        rest = {name: value for name, value in whole.items() if name not in ("model", "training", "scales")}
        assert not list(validator.iter_errors({**rest, **tables})), path


def test_takes_every_example_of_the_documents(validator, whole):
    """Each block of a document is a part of a file: the tables that it has in place of those that are here."""
    found = 0
    for document in ("README.md", "docs/tables.md", "docs/images.md", "docs/models.md", "docs/consortium.md"):
        for block in blocks(document):
            if block.kind == "toml":
                values = {**whole, **tomllib.loads(block.text)}
                problems = [error.message for error in validator.iter_errors(values)]
                assert problems == [], (block.place, problems)
                found += 1
    assert found >= 5


def test_the_whole_file_of_the_document_is_one(validator, tmp_path):
    text = next(block.text for block in blocks("docs/consortium.md") if block.kind == "toml")
    values = tomllib.loads(text)
    project, problems = project_of(values, tmp_path)
    assert problems == [] and project is not None and not list(validator.iter_errors(values))
    assert set(values) == set(TOP.names) - {"images", "table", "frozen", "statistics", "outside_model", "declared",
                                         "committees"}  # fmt: skip
    training = project.config().training
    assert training.later_rates == ((6, 4), (11, 2), (16, 1)) and training.validation_share == 200_000


def places(keys: Keys, values: Any) -> Iterator[tuple[Any, str, Any]]:
    """Every key of the file, with the table of the values in which it stands, or could."""
    for key in keys.keys:
        yield values, key.name, key.kind
        below = values.get(key.name)
        for kind in key.kind.kinds if isinstance(key.kind, Either) else (key.kind,):
            tables = below if isinstance(kind, Several) and isinstance(below, list) else [below]
            inner = kind.of if isinstance(kind, Several) else kind
            for table in tables:
                if isinstance(inner, Keys) and isinstance(table, dict):
                    yield from places(inner, table)
                if isinstance(inner, Alternatives) and isinstance(table, dict):
                    yield from places(inner.of(table.get(inner.by.name, inner.by.usual)), table)


def tables(keys: Keys) -> Iterator[Keys]:
    """Every table that a file can have."""
    yield keys
    for key in keys.keys:
        kind = key.kind.of if isinstance(key.kind, Several) else key.kind
        for below in kind.tables.values() if isinstance(kind, Alternatives) else [kind]:
            if isinstance(below, Keys):
                yield from tables(below)


def wrong_values(kind: Any) -> Iterator[Any]:
    """Of another kind, and just outside of every limit."""
    if isinstance(kind, Either):
        wrong = jsonschema.Draft202012Validator(kind.schema())
        yield from (value for one in kind.kinds for value in wrong_values(one) if not wrong.is_valid(value))
        return
    yield KIND[type(kind)]
    if isinstance(kind, Integer):
        yield from (kind.low - 1, kind.high + 1, 1.5, True)
        yield from [3] if kind.options else []
    if isinstance(kind, Number):
        limits = (kind.low, -1e-6), (kind.above, 0), (kind.high, 1e-6), (kind.below, 0)
        yield from (limit + beyond for limit, beyond in limits if limit is not None)
    if isinstance(kind, Text):
        yield from [""] if kind.least else []
        yield from ["x" * (kind.most + 1)] if kind.most else []
        yield from ["none of them"] if kind.options else []
        yield from ["none"] if kind.pattern else []
    if isinstance(kind, Several):
        yield from [[]] if kind.least else []
        yield from ([value] for value in wrong_values(kind.of))


@pytest.mark.slow
@pytest.mark.parametrize(("of", "least"), [("whole", 250), ("pictures", 200)])
def test_refuses_every_wrong_value_that_the_reader_refuses(validator, of, least, tmp_path, request):
    """And the reader every one that the schema refuses: neither says what the other does not."""
    whole, tried = request.getfixturevalue(of), 0
    for table, name, kind in list(places(TOP, whole)):
        there, before = name in table, table.get(name)
        for value in wrong_values(kind):
            table[name] = value
            assert list(validator.iter_errors(whole)), (name, value)
            project, problems = project_of(copy.deepcopy(whole), tmp_path)
            assert project is None and problems, (name, value)
            tried += 1
        if there:
            table[name] = before
        else:
            del table[name]
    assert tried > least and not list(validator.iter_errors(whole))


def test_refuses_unknown_and_missing_keys_and_two_of_which_there_is_one(validator, whole, tmp_path):
    for table, name, kind in list(places(TOP, whole)):
        if isinstance(kind, Keys) and name in table:
            table[name]["unheard"] = 1
            assert list(validator.iter_errors(whole)), name
            assert project_of(copy.deepcopy(whole), tmp_path)[0] is None
            del table[name]["unheard"]
    for needed in ("title", "server", "site"):
        assert list(validator.iter_errors({name: value for name, value in whole.items() if name != needed}))
    both = {**whole, "model": {"hidden": [2], "layers": ["linear 4"]}}
    assert list(validator.iter_errors(both)) and project_of(both, tmp_path)[0] is None


def test_the_command_prints_it_and_defaults_are_there(proofward, tmp_path):
    printed = json.loads(proofward("consortium", "schema").stdout)
    assert printed == json.loads(json.dumps(schema()))
    assert printed["properties"]["port"]["default"] == 8002
    assert printed["properties"]["validation"]["properties"]["bins"]["default"] == 32
    out = tmp_path / "schema.json"
    assert proofward("consortium", "schema", "--out", out).exit_code == 0
    assert json.loads(out.read_text()) == printed


def test_every_key_has_a_sentence_and_stands_in_a_document():
    text = "".join((ROOT / "docs" / f"{name}.md").read_text() for name in ("consortium", "models", "images", "evaluation", "report"))
    for keys in {id(keys): keys for keys in tables(TOP)}.values():
        for key in keys.keys:
            assert len(key.meaning) > 8 and re.search(rf"\b{key.name}\b", text), key.name


def test_presets_are_listed_and_copied(proofward, tmp_path):
    out = tmp_path / "own.toml"
    assert "tiny" in proofward("presets", "list").stdout
    assert proofward.json("presets", "list")["wdbc"]["inputs"] == [30]
    assert proofward("presets", "copy", "tiny", out).exit_code == 0
    assert out.read_bytes() == (FOLDER / "tiny.toml").read_bytes()
    assert proofward("inspect", out, "--rows", "40").exit_code == 0
    again = proofward("presets", "copy", "tiny", out)
    assert again.exit_code == 1 and "is there already" in again.stderr
    assert proofward("presets", "copy", "tiny", out, "--force").exit_code == 0
    assert proofward("presets", "copy", "none", out).exit_code == 2
    assert read_project(write_project(tmp_path)).preset == "wdbc"
