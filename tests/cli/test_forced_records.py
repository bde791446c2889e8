"""Records that look wrong: refused, or forced and shown so by status, doctor and the hospital's log."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from proofward.data.columns.schema import FEATURES_NAME, Label, Notation
from proofward.engines.remote.agreement.home import LOG, Home
from tests.cli.test_enrol import HEADER, ROWS, SCHEMA, file, kit  # noqa: F401

GOOD = [f"{n % 2},{n},{n},{n},{n}" for n in range(16)]
SECRET = "900.125"


def table(rows: list[str]) -> str:
    return HEADER + "\n".join(rows) + "\n"


DOUBTFUL = {
    "clipped": ([*GOOD, *(f"{n % 2},0,0,0,{SECRET}{n}" for n in range(5))], "clipped: feature-1"),
    "beyond reason": ([*GOOD, f"1,0,0,{SECRET}e30,0"], "beyond reason: feature-2"),
    "constant": ([row.rpartition(",")[0] + "," + SECRET for row in GOOD], "constant: feature-1"),
    "one class": (["1" + row[1:] for row in GOOD], "one class"),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", DOUBTFUL)
def test_refused_and_forced(proofward, kit, file, kind):  # noqa: F811
    rows, kept = DOUBTFUL[kind]
    file.write_text(table(rows))
    refused = proofward("enrol", kit, "--data", file)
    assert refused.exit_code == 1 and "--force" in refused.stderr and SECRET not in refused.stderr
    said = proofward.json("enrol", kit, "--data", file)
    assert (said["exit"], said["did"]) == (1, "refused") and said["problems"]
    home = Home(kit / "home")
    assert not home.has_dataset("hospital-0") and not (home.root / LOG).exists()

    forced = proofward.json("enrol", kit, "--data", file, "--force")
    assert (forced["exit"], forced["did"], forced["forced"]) == (0, "taken in", True)
    assert forced["doubts"] == said["problems"] and SECRET not in json.dumps(forced)
    assert kept in home.forced("hospital-0") and len(home.dataset("hospital-0")[1]) == len(rows)

    lines = [json.loads(line) for line in (home.root / LOG).read_text().splitlines()]
    assert [{key: line[key] for key in line if key != "time"} for line in lines] == [
        {"level": "warning", "kind": "records forced", "party": "hospital-0"}
    ]
    status = proofward.json("status", kit)
    assert status["members"][0]["forced"] == list(home.forced("hospital-0"))
    shown = proofward("status", kit)
    assert f"FORCED although {', '.join(home.forced('hospital-0'))}" in shown.stdout
    assert "records forced" in shown.stdout and shown.exit_code == status["exit"]
    assert not any("forced" in problem["sentence"] for problem in status["problems"])


def test_right_records_in_place_of_forced_ones(proofward, kit, file):  # noqa: F811
    file.write_text(table(DOUBTFUL["one class"][0]))
    assert proofward("enrol", kit, "--data", file, "--force").exit_code == 0
    file.write_text(HEADER + ROWS)
    alone = proofward("enrol", kit, "--data", file, "--force")
    assert alone.exit_code == 1 and "--replace" in alone.stderr
    assert proofward.json("enrol", kit, "--data", file, "--replace")["forced"] is False
    assert Home(kit / "home").forced("hospital-0") == ()
    assert "FORCED" not in proofward("status", kit).stdout


def test_force_does_not_take_in_what_cannot_be_read_or_proved(proofward, kit, file):  # noqa: F811
    for rows in ([*GOOD, f"1,,0,0,{SECRET}"], GOOD[:3]):
        file.write_text(table(rows))
        result = proofward("enrol", kit, "--data", file, "--force")
        assert result.exit_code == 1 and not Home(kit / "home").has_dataset("hospital-0")


def test_no_forced_records_without_a_line_in_the_log(proofward, kit, file):  # noqa: F811
    file.write_text(table(DOUBTFUL["one class"][0]))
    (kit / "home" / LOG).mkdir()
    result = proofward("enrol", kit, "--data", file, "--force")
    assert result.exit_code == 1 and not Home(kit / "home").has_dataset("hospital-0")


@pytest.mark.slow
def test_a_damaged_dataset_stops_no_status(proofward, kit):  # noqa: F811
    path = kit / "home" / "members" / "hospital-0" / "dataset.npz"
    for data in (b"", b"PK\x03\x04", b"no archive"):
        path.write_bytes(data)
        assert Home(kit / "home").forced("hospital-0") == ()
        assert proofward("status", kit).stdout


def test_a_file_is_looked_at_without_being_taken_in(proofward, kit, file):  # noqa: F811
    said = proofward.json("check-data", kit, "--data", file)
    assert (said["exit"], said["did"], said["rows"], said["doubts"]) == (0, "checked", 8, [])
    file.write_text(table(DOUBTFUL["clipped"][0]))
    result = proofward("check-data", kit, "--data", file)
    assert result.exit_code == 1 and "doubtful: column 5, feature-1" in result.stdout
    file.write_text(table([*GOOD, f"x,,0,0,{SECRET}"]))
    result = proofward("check-data", kit, "--data", file)
    assert result.exit_code == 1 and "empty cells" in result.stderr and SECRET not in result.stderr
    assert not Home(kit / "home").has_dataset("hospital-0")


def test_labels_commas_and_ignored_columns_of_the_consortium(proofward, kit, file):  # noqa: F811
    notation = Notation(Label("diagnosis", "B", "M"), ("patient_id",), ",")
    Home(kit / "home").write(FEATURES_NAME, replace(SCHEMA, notation=notation).to_bytes())
    rows = "".join(f"P{n};{'BM'[n % 2]};{n},5;{n};-{n},25;{n}\n" for n in range(8))
    header = "patient_id;diagnosis;feature-1;feature-2;feature-3;feature-4\n"
    file.write_text(header + rows)
    said = proofward.json("enrol", kit, "--data", file)
    assert said["exit"] == 0 and said["labels"] == {"B": 4, "M": 4}
    features, labels = Home(kit / "home").dataset("hospital-0")
    assert features[1].tolist() == [96, 64, -80, 64] and labels.tolist() == [0, 1] * 4
    file.write_text((header + rows).replace("diagnosis", "Befund").replace(",", ".").replace(";", "\t"))
    own = ("--label", "Befund", "--decimal", "point", "--delimiter", "tab")
    assert proofward.json("enrol", kit, "--data", file, *own, "--replace")["exit"] == 0
    again, _ = Home(kit / "home").dataset("hospital-0")
    assert (again == features).all()
    wrong = proofward("enrol", kit, "--data", file, "--label", "feature-1", "--replace")
    assert wrong.exit_code == 1 and "name of a feature" in wrong.stderr
