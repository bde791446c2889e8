"""`inspect` and `consortium check`: costs of a consortium, a preset or a network, and all that is wrong at once."""

from __future__ import annotations

import pytest

from proofward.federation.messages.consortium.usual import usual_threshold
from proofward.models.costs.tally import tally_round
from proofward.models.presets import FOLDER, PRESETS
from proofward.relations.rules.config import RoundConfig
from tests.cli.test_model_import import network_file

ARGUMENTS = ("--no-dp", "--title", "T", "--server", "fl.example.org", "--hospital", "a", "--hospital", "b", "--hospital", "c",
             "--verifier", "a", "--verifier", "b", "--draft")  # fmt: skip


@pytest.fixture
def drafted(proofward, tmp_path):
    """Drafts the consortium.toml of a preset."""

    def draft(preset):
        assert proofward("consortium", "init", tmp_path / preset, *ARGUMENTS, "--preset", preset).exit_code == 0
        return tmp_path / preset / "consortium.toml"

    return draft


def test_a_preset_is_inspected_by_name_and_by_file(proofward):
    named = proofward.json("inspect", "tiny", "--rows", 40)
    assert (named["exit"], named["admissible"], named["refusal"]) == (0, True, None)
    assert (named["network"], named["rows"], named["steps"], named["proved_steps"]) == ("4-4-2", 40, 7, 8)
    setup = PRESETS["tiny"]
    rules = RoundConfig(setup.model, setup.scales, setup.training, setup.clip_bound, 5, usual_threshold(5))
    found = tally_round(rules, 40)
    assert named["round"]["committed_values"] == found.plan.values == sum(p["committed_values"] for p in named["parts"])
    assert named["round"]["lookups"] == found.lookups == sum(part["lookups"] for part in named["parts"])
    length = named["round"]["proof_bytes"]
    assert length["least"] < length["expected"] < length["most"]
    assert named["predicted"]["prove_seconds"] > named["predicted"]["verify_seconds"] > 0
    assert {own["layer"] for own in named["headroom"]} == {"layer 1 (4 -> 4)", "layer 2 (4 -> 2)"}
    copy = proofward.json("inspect", FOLDER / "tiny.toml", "--rows", 40)
    assert copy == named


def test_people_are_told_the_same(proofward):
    text = proofward("inspect", "tiny", "--rows", 40).stdout
    found = proofward.json("inspect", "tiny", "--rows", 40)
    assert text.startswith("admissible: every round of a hospital with 40 records can be proved\n")
    assert f"round: {found['round']['committed_values']:,} committed values, {found['round']['lookups']:,} lookups" in text
    for words in ("predicted, in processor seconds", "headroom", "padding", "columns of high limbs", "opened bytes"):
        assert words in text


@pytest.mark.slow
def test_rounds_with_work_are_told_with_both_figures(proofward):
    found = proofward.json("inspect", "vgg11")
    told = found["round"]
    assert (found["exit"], found["refusal"], told["grinding_bits"], found["enrolment"]["grinding_bits"]) == (0, None, 12, 0)
    assert told["soundness_bits"] < found["policy_bits"] == 100 <= told["soundness_bits_with_work"]
    assert found["enrolment"]["soundness_bits"] == found["enrolment"]["soundness_bits_with_work"]
    lines = proofward("inspect", "vgg11").stdout.splitlines()
    worked = next(line for line in lines if line.startswith("round: "))
    figures = f"{told['soundness_bits']:.1f} bits, {told['soundness_bits_with_work']:.1f} with 12 bits of work before alpha, beta"
    assert f"{figures} (the rules demand 100)" in worked
    assert "work" not in next(line for line in lines if line.startswith("enrolment: "))


def test_a_network_of_onnx_is_inspected_with_a_presets_training(proofward, tmp_path):
    path = tmp_path / "net.onnx"
    network_file(path, widths=(12, 9, 2))
    found = proofward.json("inspect", path, "--training", "tiny", "--rows", 40)
    assert (found["exit"], found["network"], found["batch"], found["steps"]) == (0, "12-9-2", 4, 7)
    assert any(own["of"].startswith("layer 1") and own["share"] == pytest.approx(7 / 16) for own in found["padding"])
    assert found["advice"] == [
        "records: 25% padding; length 12 is padded to 16: 16 has no padding",
        "layer 1 (12 -> 9), sums: 44% padding; length 9 is padded to 16: 8 has no padding",
    ]
    network_file(path, activation="Sigmoid")
    refused = proofward.json("inspect", path)
    assert refused["exit"] == 1 and refused["problems"] and "not taken in" in refused["reason"]


def test_rounds_that_cannot_be_proved_are_a_flaw(proofward, tmp_path):
    path = tmp_path / "own.toml"
    path.write_text((FOLDER / "wdbc.toml").read_text().replace("learning_rate = 0.03125", "learning_rate = 1000"))
    found = proofward.json("inspect", path)
    assert found["exit"] == 1 and not found["admissible"] and found["refusal"] and found["round"] is None
    assert min(own["bits"] for own in found["headroom"]) < 0
    assert proofward("inspect", path).stdout.startswith("NOT admissible with 500 records: ")
    path.write_text("summary = 3")
    broken = proofward.json("inspect", path)
    assert broken["exit"] == 1 and "summary: expected a line" in broken["reason"]


@pytest.mark.parametrize("given", ["nothing", "wdbc2", "."])
def test_what_is_none_of_these_is_wrong_use(proofward, given):
    result = proofward("inspect", given)
    assert result.exit_code == 2 and "expected a file, or the name of a preset: brain, " in result.stderr


@pytest.mark.slow
def test_a_consortium_is_inspected_and_checked(proofward, drafted):
    path = drafted("tiny")
    found, checked = proofward.json("inspect", path), proofward.json("consortium", "check", path)
    assert (found["exit"], checked["exit"], checked["admissible"], checked["problems"]) == (0, 0, True, [])
    assert checked["costs"] == {key: value for key, value in found.items() if key != "exit"} and found["rows"] == 500
    assert proofward.json("consortium", "check", path.parent)["costs"] == checked["costs"]
    text = proofward("consortium", "check", path).stdout
    assert text.startswith(f"{path}: admissible\n") and "predicted" in text
    few = proofward.json("consortium", "check", path, "--rows", 2)
    assert few["exit"] == 1 and "rows" in few["problems"][0]


def test_presets_of_pictures_make_a_consortium_of_images(proofward, drafted):
    path = drafted("mlp784")
    text = path.read_text()
    assert 'size = "28x28"' in text and "[[feature]]" not in text
    checked = proofward.json("consortium", "check", path)
    assert checked["exit"] == 0 and checked["costs"]["network"] == "784-128-64-2"
    path.write_text(text.replace("[images]", "[pictures]").replace('size = "28x28"', ""))
    assert proofward.json("consortium", "check", path)["exit"] == 1
    lines = text.split("[images]")[0] + "[[site]]" + text.split("[[site]]", 1)[1]
    path.write_text(lines)
    bare = proofward.json("consortium", "check", path)
    assert bare["problems"] == [
        "images: expected a table [images], since the preset mlp784 is of pictures, found neither it nor features"
    ]


def test_everything_that_is_wrong_is_listed_at_once(proofward, drafted):
    path = drafted("tiny")
    text = path.read_text().replace("rounds = 15", 'rounds = "many"\ncolour = 3').replace("port = 8002", "port = 0")
    text = text.replace("[training]", '[training]\nbatch = 17\nclip_bound = "x"\nmomentum = 1')
    text = text.replace('roles = ["hospital"]', 'roles = ["boss"]').replace("deadline = 600", "deadline = -1")
    path.write_text(text)
    found = proofward.json("consortium", "check", path)
    assert found["exit"] == 1 and not found["admissible"] and found["costs"] is None
    fields = [problem.partition(":")[0] for problem in found["problems"]]
    assert sorted(fields) == [
        "colour", "policy.deadline", "port", "rounds", "site 3.roles", "training.batch", "training.clip_bound",
        "training.momentum",
    ]  # fmt: skip
    lines = proofward("consortium", "check", path).stdout.splitlines()
    assert lines[0] == f"{path}: NOT admissible, 8 to mend" and len(lines) == 9
    # `init` refuses the same file, with the first of them.
    refused = proofward("consortium", "init", path.parent)
    assert refused.exit_code == 1 and found["problems"][0] in refused.stderr


def test_names_that_are_wrong_are_listed_together(proofward, drafted):
    path = drafted("tiny")
    path.write_text(path.read_text().replace('name = "a"', 'name = "A!"').replace('name = "b"', 'name = "c"')
                    .replace('preset = "tiny"', 'preset = "resnet"'))  # fmt: skip
    problems = proofward.json("consortium", "check", path)["problems"]
    assert len(problems) == 4, problems
    for words in ("site name: ", "preset: expected one of", "site: expected distinct names, found c twice", "member: "):
        assert any(problem.startswith(words) for problem in problems), words


@pytest.mark.slow
def test_what_depends_on_all_settings_is_told_with_remedies_and_headroom(proofward, drafted):
    path = drafted("wdbc")
    path.write_text(path.read_text().replace("[training]", "[training]\nlearning_rate = 1000.0\n"))
    found = proofward.json("consortium", "check", path)
    assert found["exit"] == 1 and len(found["problems"]) == 1 and "learning_rate at most" in found["problems"][0]
    assert found["costs"]["headroom"] and found["costs"]["round"] is None


def test_other_files_are_wrong_use(proofward, tmp_path):
    other = tmp_path / "other.toml"
    other.write_text("title = 'x'")
    assert proofward("consortium", "check", other).exit_code == 2
    assert proofward("consortium", "check", tmp_path).exit_code == 2
    other.write_text("[[site]]\nname = ")
    assert proofward.json("consortium", "check", other)["exit"] == 1
