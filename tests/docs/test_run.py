"""The documents' commands, run as they stand: federations in this process, a demo; FLARE's is in test_deployment."""

from __future__ import annotations

import json
import re
import tomllib

import pytest
from PIL import Image

from proofward.cli.project.consortium_file.reading import read_project
from proofward.data.generated_patches import make_patch
from proofward.optimizers.fedadam import FedAdam
from tests.cli.own_evaluation import write_evaluated
from tests.cli.own_kinds import columns, write_kinds
from tests.cli.own_tables import edit_draft, write_project, write_tables
from tests.data.own_formats import write
from tests.docs.blocks import DOCUMENTS, READ, RUN, blocks, calls
from tests.docs.sandbox import runnable, write_records

pytestmark = pytest.mark.slow
TINY = [(f"feature-{number}", 0.0, 1.0) for number in range(1, 5)]
COVERED = {
    ("README.md", "Run it"), ("README.md", "Your own table and network"),
    ("docs/deploy.md", "2 From nothing to the first round"), ("docs/deploy.md", "9 When things change"),
    ("docs/deploy.md", "10 Backup and restore"), ("docs/air-gap.md", "A trip"),
    ("docs/images.md", "Train on them"), ("docs/images.md", "A frozen network first"),
    ("docs/tables.md", "A look first"), ("docs/tables.md", "The data dictionary"),
    ("docs/consortium.md", "The consortium's file"),
    ("docs/evaluation.md", "On a file of one's own"),
}  # fmt: skip
"""Sections whose blocks are run here and in test_deployment."""


def test_every_block_that_says_so_is_run():
    found = {(block.document, block.heading) for name in DOCUMENTS for block in blocks(name) if block.kind == RUN}
    assert found == COVERED


def test_after_the_demo(sandbox):
    sandbox.run("proofward demo --preset tiny --hospitals 3 --rounds 1 --run run")
    write_records(sandbox.folder / "new.csv", TINY, 9)
    (block,) = runnable("README.md", "Run it")
    said = sandbox.run_block(block, {"-round-15.": "-round-1."}, RUN="run")
    assert "scaled-update" in said and (sandbox.folder / "model.safetensors").exists()
    assert list(sandbox.folder.glob("*.zip"))


def test_from_the_package_to_a_model_of_ones_own_tables(sandbox):
    """300 rows of 12 columns and labels M and B at each of three hospitals; five commands, installation included."""
    section = [block for block in blocks("README.md") if block.heading.startswith("Your own table")]
    commands = [line for block in section if block.kind in (READ, RUN) for line in block.text.splitlines()]
    assert len(commands) <= 5 and commands[0].startswith("pip install")
    assert [words[0] for words in calls("\n".join(commands))] == ["consortium", "simulate", "model", "predict"]
    tables = write_tables(sandbox.folder, rows=300)
    header, *rows = tables[0].read_text().splitlines()
    assert len(rows) == 300 and header.count("marker") == 12 and {row.split(",")[12] for row in rows} == {"M", "B"}
    (sandbox.folder / "new.csv").write_text("\n".join([header, *rows[:7]]) + "\n")
    draft, rest = (block for block in section if block.kind == RUN)
    sandbox.run_block(draft)
    edit_draft(sandbox.folder / "own" / "consortium.toml", rounds=1)
    said = sandbox.run_block(rest)
    exported = json.loads((sandbox.folder / "model.json").read_text())
    assert "marker 11" in json.dumps(exported) and said.splitlines()[-8].startswith("row,score,")
    assert re.fullmatch(r"8,-?\d+,0\.\d+,[MB]", said.splitlines()[-1]), said
    sandbox.run("proofward audit own/run")


def write_images(sandbox):
    """Folders of PNG files at three hospitals, and one new image."""
    for site in ("a", "b", "c"):
        for number in range(16):
            place = sandbox.folder / site / ("tissue", "mass")[number % 2]
            place.mkdir(parents=True, exist_ok=True)
            patch = make_patch(ord(site), number, 40, mass=bool(number % 2))
            Image.fromarray(patch).save(place / f"{number}.png")
    (sandbox.folder / "new").mkdir()
    Image.fromarray(make_patch(0, 1, 40, mass=True)).save(sandbox.folder / "new" / "x.png")


def with_one_round(text):
    assert text.count("rounds = 2") == 1
    return text.replace("rounds = 2", "rounds = 1")


def test_a_consortium_on_images(sandbox):
    """The document's file as it stands, but for the number of rounds."""
    file = next(block for block in blocks("docs/images.md") if block.kind == "toml")
    (sandbox.folder / "consortium.toml").write_text(with_one_round(file.text))
    write_images(sandbox)
    (block,) = runnable("docs/images.md", "Train on them")
    said = sandbox.run_block(block)
    assert "16 images of 32 x 32, grey, 8 of label tissue or benign, 8 of label mass" in said
    assert "1 rounds closed" in said and "Everybody kept the rules." in said
    rows = re.findall(r"^x\.png,(-?\d+),0\.\d+,(tissue or benign|mass)$", said, re.MULTILINE)
    assert len(rows) == 2 and rows[0] == rows[1], said
    score, name = rows[0]
    assert re.search(rf"^VALID: .*\n  record 1: {name}, .*, score {score}$", said, re.MULTILINE), said


def test_a_frozen_network_first(sandbox):
    """The document's file with its table [frozen], and a small network."""
    pytest.importorskip("onnx")
    from tests.models.backbones import write_backbone

    file, _, frozen = [block for block in blocks("docs/images.md") if block.kind == "toml"]
    text = re.sub(r"(?m)^layers = .*$", "hidden = []", with_one_round(file.text))
    (sandbox.folder / "consortium.toml").write_text(f"{text}\n{frozen.text}")
    write_backbone(sandbox.folder / "backbone.onnx", shape=(1, 32, 32))
    write_images(sandbox)
    (block,) = runnable("docs/images.md", "A frozen network first")
    said = sandbox.run_block(block)
    assert "1 rounds closed" in said and "Everybody kept the rules." in said and "VALID: " in said
    assert "6 features of the frozen network backbone.onnx" in said and "is not proved." in said


def test_tables_in_several_formats_with_a_dictionary(sandbox):
    """The document's dictionary as it stands."""
    pytest.importorskip("pyarrow")
    found = {block.kind: block for block in blocks("docs/tables.md")}
    write_kinds(sandbox.folder, found["toml"].text)
    for seed, name in enumerate(("a.csv", "a.parquet", "b.xlsx", "c.csv", "new.csv")):
        write(sandbox.folder / name, columns(1 if name[0] == "a" else seed))
    for heading in ("A look first", "The data dictionary"):
        (block,) = runnable("docs/tables.md", heading)
        said = sandbox.run_block(block)
    assert (sandbox.folder / "a.html").exists() and "enrol would take this in" in said
    assert "40 records of 20 patients" in said and len(re.findall(r"^\d+,-?\d+,0\.\d+,[MB]$", said, re.MULTILINE)) == 40
    exec(found["python"].text, {})


def test_an_evaluation_on_a_file_of_ones_own(sandbox):
    """A model of three columns, and a table with labels and a column of subgroups."""
    write_evaluated(sandbox.folder)
    (block,) = runnable("docs/evaluation.md", "On a file of one's own")
    said = sandbox.run_block(block)
    assert "AUC" in said and "sex: f: " in said and "not shown" in said
    assert (sandbox.folder / "evaluation" / "evaluation.md").exists()


def test_notation_of_records_and_the_servers_optimizer(tmp_path):
    block, aggregation = [block for block in blocks("docs/deploy.md") if block.kind == "toml"]
    plain = tomllib.loads(block.text)
    top, label = block.text.split("[label]\n")
    path = write_project(tmp_path)
    text = path.read_text().replace('ignore = ["id"]\n', top)
    path.write_text(re.sub(r"\[label\]\n(.*\n){3}", f"[label]\n{label}", text))
    schema = read_project(path).schema
    assert schema.label.column == plain["label"]["column"] and schema.classes == ("B", "M")
    path.write_text(path.read_text().replace("[model]", f"{aggregation.text}\n[model]"))
    assert read_project(path).optimizer == FedAdam()
    assert set(schema.notation.ignore) == set(plain["ignore"]) and schema.notation.decimal == ","
    assert schema.notation.clipped_percent == plain["clipped_percent"]


def test_the_consortiums_file_is_checked_and_has_a_schema(sandbox):
    write_project(sandbox.folder)
    (block,) = runnable("docs/consortium.md", "The consortium's file")
    said = sandbox.run_block(block)
    assert "consortium.toml: admissible" in said and "peak memory" in said and "bits" in said
    assert json.loads((sandbox.folder / "consortium.schema.json").read_text())["title"] == "consortium.toml"
    assert tomllib.loads((sandbox.folder / "own-preset.toml").read_text())["features"] == 4
