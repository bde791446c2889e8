"""`consortium calibrate` and `consortium check --data`, on a small table and on small images."""

from __future__ import annotations

import re
import tomllib

import pytest

from proofward.cli.common.answering import Refused
from proofward.cli.project.consortium_file.reading import read_project
from proofward.cli.project.consortium_file.written_scales import with_scales, write_scales
from proofward.layers.rules.model import FixedPoint
from tests.cli import own_images, own_tables

FINER = FixedPoint(5, 9, 24, 11, 10, 9, 13).to_dict()
QUICK = ("--sample-rounds", 1)


@pytest.fixture
def table(tmp_path):
    """(consortium.toml, a hospital's file)"""
    return own_tables.write_project(tmp_path, hidden="[4]"), own_tables.write_tables(tmp_path, rows=40)[0]


@pytest.fixture
def images(tmp_path):
    """(consortium.toml, a hospital's folder)"""
    return own_images.write_project(tmp_path), own_images.write_folders(tmp_path / "data")[0]


@pytest.mark.slow
def test_a_table_is_calibrated_and_nothing_is_written(proofward, table):
    path, data = table
    before, names = path.read_bytes(), sorted(path.parent.iterdir())
    found = proofward.json("consortium", "calibrate", path, "--data", data, *QUICK)
    assert (found["exit"], found["did"], found["records"], found["written"]) == (0, "calibrated", 40, False)
    assert found["today"]["scales"] == FixedPoint().to_dict() != found["suggested"]["scales"]
    first, last = found["today"]["layers"]
    assert first["gradients"] is None and last["activations"] is None
    assert first["pre_activations"]["room_bits"] > 0 == first["pre_activations"]["beyond"]
    assert set(last["gradients"]) == {"largest", "room_bits", "beyond", "vanished"}
    assert found["suggested"]["soundness_bits"] >= 100 and found["problems"] == found["doubts"] == []
    assert path.read_bytes() == before and sorted(path.parent.iterdir()) == names


def test_no_value_of_a_record_is_shown(proofward, table):
    path, data = table
    said = proofward("consortium", "calibrate", path.parent, "--data", data, *QUICK).stdout
    assert re.search(r"features: \d whole bits of room; clipped 0 %", said) and "bits of room; beyond" in said
    cells = {cell for line in data.read_text().splitlines()[1:] for cell in line.split(",")[:-2]}
    scaled = {f"{(float(cell) - own_tables.CENTRE) / own_tables.SPREAD:.3f}" for cell in cells}
    assert not (cells | scaled) & set(re.findall(r"[-\d.]+", said))


@pytest.mark.slow
def test_scales_of_a_sample_are_outside_of_the_budget(proofward, table):
    path, data = table
    lines = [line for line in path.read_text().splitlines() if not line.startswith("clip_bound")]
    text = "\n".join(lines).replace("[model]", "[privacy]\nepsilon = 3\n[model]")
    text = re.sub(r"steps = \d+", "steps = 1\nfull_batch = true", text)
    path.write_text(re.sub(r"\nbatch = \d+", "\nbatch = 64", text) + "\n")
    said = proofward("consortium", "calibrate", path, "--data", data, "--write", *QUICK).stdout
    assert "[scales] follows from the sample and is outside the privacy budget" in said


@pytest.mark.slow
def test_suggested_scales_are_written_and_are_the_rules(proofward, images):
    path, data = images
    before = path.read_bytes()
    found = proofward.json("consortium", "calibrate", path, "--data", data, "--write", *QUICK)
    assert (found["exit"], found["written"]) == (0, True)
    scales = found["suggested"]["scales"]
    assert path.read_bytes().startswith(before) and tomllib.loads(path.read_text())["scales"] == scales
    assert read_project(path).config().scales.to_dict() == scales
    checked = proofward.json("consortium", "check", path, "--data", data, *QUICK)
    assert (checked["exit"], checked["sample"]["today"]["scales"], checked["sample"]["suggested"]) == (0, scales, None)
    assert checked["sample"]["today"]["layers"] == found["suggested"]["layers"]


@pytest.mark.slow
def test_what_saturates_ends_with_1(proofward, table):
    path, data = table
    path.write_text(path.read_text() + "[scales]\nactivation_range_bits = 7\n")
    found = proofward.json("consortium", "calibrate", path, "--data", data, *QUICK)
    assert found["exit"] == 1 and any(line.startswith("features: ") for line in found["problems"])
    text = proofward("consortium", "check", path, "--data", data, *QUICK)
    assert text.exit_code == 1 and text.stdout.startswith(f"{path}: admissible\n") and "\nPROBLEM  features: " in text.stdout
    assert proofward("consortium", "calibrate", path, "--data", data, "--beyond", 100, *QUICK).exit_code == 0
    mended = proofward.json("consortium", "calibrate", path, "--data", data, "--write", *QUICK)
    assert (mended["exit"], mended["problems"], mended["written"]) == (0, [], True)


@pytest.mark.parametrize("made", ["kits", "authority"])
def test_a_provisioned_consortium_keeps_its_scales(proofward, table, made):
    path, data = table
    before = path.read_bytes()
    (path.parent / made).mkdir()
    refused = proofward.json("consortium", "calibrate", path, "--data", data, "--write", *QUICK)
    assert refused["exit"] == 1 and f"has {made}: kits with its fingerprint are made already" in refused["reason"]
    with pytest.raises(Refused, match="is not changed"):
        write_scales(path, FINER)
    assert path.read_bytes() == before


def test_samples_that_will_not_do_are_refused(proofward, table):
    path, data = table
    lines = data.read_text().splitlines()
    data.write_text("\n".join(lines[:9]) + "\n")
    few = proofward.json("consortium", "calibrate", path, "--data", data)
    assert few["exit"] == 1 and "records of the sample: expected at least 16, got 8" in few["reason"]
    data.write_text("\n".join(lines).replace("diagnosis", "other"))
    wrong = proofward.json("consortium", "check", path, "--data", data)
    assert wrong["exit"] == 1 and wrong["did"] == "refused" and wrong["problems"]
    assert proofward("consortium", "calibrate", path.parent / "data", "--data", data).exit_code == 2


@pytest.mark.parametrize("line", ["\n", "\r\n"])
def test_every_other_byte_of_the_file_stays(line):
    text = line.join(["# mine", "title = 'T'", "[scales] # ours", "weight_bits = 26 # keep", "", "[x]", "a = 1"])
    own = with_scales(text.encode(), {"weight_bits": 25, "table_bits": 13}).decode()
    assert own == text.replace("26", "25").replace("# ours" + line, "# ours" + line + "table_bits = 13" + line)
    bare = f"title = 'T'{line}[x]".encode()
    assert with_scales(bare, {"table_bits": 13}).decode() == f"title = 'T'{line}[x]{line}{line}[scales]{line}table_bits = 13{line}"
    assert with_scales(b"[scales]", {"table_bits": 13}) == b"[scales]\ntable_bits = 13\n"


@pytest.mark.parametrize("own", ["scales = {weight_bits = 24}\n", "scales.weight_bits = 24\n", '[ "scales" ]\nweight_bits = 24\n'])
def test_scales_in_another_form_are_left_to_their_owner(tmp_path, own):
    path = tmp_path / "consortium.toml"
    path.write_text(own)
    with pytest.raises(Refused, match="write them by hand, in \\[scales\\]: activation_bits = 5; "):
        write_scales(path, FINER)
    assert path.read_text() == own and [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("line", ["\n", "\r\n"])
def test_ranges_of_layers_are_written_exchanged_and_taken_out(line):
    text = line.join(["a = 1", "[scales]", "weight_bits = 26", "gradient_ranges = [ 9, 8 ] # mine", "[x]", ""]).encode()
    both = {"weight_bits": 24, "activation_ranges": [10, 11], "gradient_ranges": [7, 8]}
    after = with_scales(text, both)
    assert tomllib.loads(after.decode()) == {"a": 1, "scales": both, "x": {}} and b"= [7, 8] # mine" in after
    none = with_scales(after, {"weight_bits": 23})
    assert tomllib.loads(none.decode()) == {"a": 1, "scales": {"weight_bits": 23}, "x": {}}
    assert none.decode().split(line)[-3:] == ["weight_bits = 23", "[x]", ""]
