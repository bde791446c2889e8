"""A consortium set up by commands: project file, kits, keys; and what is asked of a site that runs."""

from __future__ import annotations

import importlib.util
import json
import shutil
import stat
import tomllib
from pathlib import Path

import pytest

from proofward.cli.project.consortium_file.reading import read_project
from proofward.cli.project.consortium_file.writing import project_text
from proofward.data.columns.schema import Schema
from proofward.data.wdbc import NORMALISATION
from proofward.engines.remote.agreement.home import KEY, NEXT_KEY, Home
from proofward.ledger.key_file import is_encrypted
from proofward.report.demonstrations.scenario import make_scenario

pytest.importorskip("nvflare")
SITES = ("--hospital", "a", "--hospital", "b", "--hospital", "c", "--verifier", "a", "--verifier", "o")
OPTIONS = ("--no-dp", "--title", "Breast “cancer” 2026", "--server", "fl.example.org:8102", *SITES)
COORDINATOR, SERVER = "coordinator@proofward.local", "fl.example.org"


@pytest.fixture(scope="module")
def made(proofward, tmp_path_factory) -> tuple[Path, dict]:
    """A folder with kits, which no test changes, and what the command said."""
    folder = tmp_path_factory.mktemp("made") / "consortium"
    return folder, proofward.json("consortium", "init", folder, *OPTIONS)


@pytest.fixture
def kits(made, tmp_path) -> Path:
    """Kits of the test's own."""
    shutil.copytree(made[0] / "kits", tmp_path / "kits")
    return tmp_path / "kits"


def open_to_others(folder: Path) -> list[str]:
    return [str(path) for path in (folder, *folder.rglob("*")) if path.stat().st_mode & 0o077]


@pytest.mark.slow
def test_every_site_has_a_kit_with_the_same_terms(made):
    folder, said = made
    assert (said["exit"], said["did"]) == (0, "provisioned")
    assert {entry["site"]: [m["name"] for m in entry["members"]] for entry in said["kits"]} == {
        "a": ["a", "a-verifier"], "b": ["b"], "c": ["c"], "o": ["o"], SERVER: ["aggregator"], COORDINATOR: [],
    }  # fmt: skip
    for entry in said["kits"]:
        home = Home(Path(entry["path"]) / "proofward")
        assert home.site == entry["site"] and home.terms.digest.hex() == said["terms"]
    terms = Home(folder / "kits" / "a" / "proofward").terms
    assert (terms.federation, terms.rounds, terms.deadline) == ("Breast “cancer” 2026", 15, 600)
    assert (terms.accepting_verdicts, terms.minimum_updates, terms.round_config.threshold) == (2, 3, 1)
    plan = make_scenario("wdbc", 3, 15, 0).plan
    assert terms.round_config == plan.config
    assert terms.initial_model == b"" and not list(folder.glob("kits/*/proofward/initial.model"))


def test_all_sites_have_the_same_constants(made):
    folder, _ = made
    data = (folder / "kits" / "a" / "proofward" / "features.json").read_bytes()
    assert tuple((f.name, f.centre, f.spread) for f in Schema.from_bytes(data).features) == NORMALISATION
    found = {path.parent.parent.name: path.read_bytes() for path in folder.glob("kits/*/*/features.json")}
    assert len(found) == 5 and found == dict.fromkeys(found, data)


def test_nobody_else_can_read_anything(made):
    assert open_to_others(made[0]) == []


@pytest.mark.slow
def test_the_project_file_is_what_was_said(made, proofward, tmp_path):
    folder, said = made
    plain = tomllib.loads((folder / "consortium.toml").read_text())
    assert plain["title"] == "Breast “cancer” 2026" and plain["port"] == 8102 and plain["preset"] == "wdbc"
    assert plain["policy"] == {"threshold": 1, "accepting": 2, "minimum": 3, "abandoning": 2, "deadline": 600, "upload_slot": 2}
    assert plain["site"][0] == {"name": "a", "roles": ["hospital", "verifier"]}
    again = tmp_path / "again"
    again.mkdir()
    shutil.copy(folder / "consortium.toml", again)
    assert project_text(read_project(again / "consortium.toml")) == (folder / "consortium.toml").read_text()
    other = proofward.json("consortium", "init", again)
    assert (other["exit"], other["terms"], other["features"]) == (0, said["terms"], said["features"])
    assert (again / "kits" / "a" / "startup" / "client.key").exists()


@pytest.mark.slow
def test_words_say_what_to_do(proofward, tmp_path):
    arguments = ("--no-dp", "--title", "T", "--server", "Localhost", *SITES, "--preset", "tiny")
    text = proofward("consortium", "init", tmp_path / "c", *arguments, "--rounds", 2).stdout
    for expected in ("in person", "kept offline", "placeholders", "proofward join KIT", "port 8002",
                     f"{tmp_path}/c/kits/a: hospital a, verifier a-verifier", "2 of 2 accept",
                     "2 dishonest hospitals together with the server", "absent from a round: 0; ",
                     "between checked shares and consent: 0; ", "first model drawn by the members"):  # fmt: skip
        assert expected in text


@pytest.mark.slow
def test_kits_are_replaced_when_told_to_only(proofward, made, tmp_path):
    folder = tmp_path / "consortium"
    shutil.copytree(made[0], folder)
    for options in ((), OPTIONS):
        result = proofward("consortium", "init", folder, *options)
        assert result.exit_code == 1 and "--force" in result.stderr and "already" in result.stderr
    old = (folder / "kits" / "a" / "startup" / "client.key").read_bytes()
    said = proofward.json("consortium", "init", folder, "--force")
    assert said["exit"] == 0 and said["terms"] == made[1]["terms"]
    aside = Path(said["moved_aside"])
    assert (aside / "kits" / "a" / "startup" / "client.key").read_bytes() == old
    assert (folder / "kits" / "a" / "startup" / "client.key").read_bytes() != old
    assert (aside / "authority").is_dir() and open_to_others(folder) == []
    renamed = proofward.json("consortium", "init", folder, *OPTIONS, "--rounds", 3, "--force")
    assert renamed["exit"] == 0 and read_project(folder / "consortium.toml").rounds == 3


def test_a_draft_is_edited_first(proofward, tmp_path):
    arguments = ("--no-dp", "--title", "T", "--server", "localhost", *SITES, "--preset", "tiny", "--draft")
    said = proofward.json("consortium", "init", tmp_path / "c", *arguments)
    assert said["did"] == "drafted" and [path.name for path in (tmp_path / "c").iterdir()] == [
        "consortium.toml"
    ]
    path = tmp_path / "c" / "consortium.toml"
    path.write_text(path.read_text().replace('"feature-2"\ncentre = 0.0', '"age"\ncentre = 50'))
    result = proofward("consortium", "init", tmp_path / "c", "--draft")
    assert result.exit_code == 0 and "placeholders" not in result.stdout
    assert read_project(path).features[1].centre == 50.0


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("rounds = 15", "rounds = '15'", "rounds: expected an integer in [1, 1048576], found '15'"),
        ("rounds = 15", "rounds = true", "rounds: expected an integer"),
        ("rounds = 15", "rounds = 15\nround = 3", "round: expected one of title, server"),
        ("deadline = 600", "deadlin = 600", "policy.deadlin: expected one of threshold"),
        ("deadline = 600", "deadline = 0", "policy.deadline: expected an integer in [1, 2592000]"),
        ("threshold = 1", "threshold = 3", "policy.threshold: expected fewer than the 3 hospitals, found 3"),
        ("accepting = 2", "accepting = 1", "accepting_verdicts: expected an integer in [2, 2]"),
        ("[policy]", "policy = 3\n[other]", "other: expected one of"),
        ('roles = ["verifier"]', 'roles = ["auditor"]', "site 4.roles: expected [\"hospital\"]"),
        ('roles = ["verifier"]', 'roles = "verifier"', "site 4.roles"),
        ('name = "o"', 'name = "b"', "site: expected distinct names, found b twice"),
        ('name = "o"', 'name = "a-verifier"', "member: expected distinct names, found a-verifier twice"),
        ('name = "o"', 'name = "St Anna"', "site name: expected lower-case letters"),
        ('name = "o"', 'name = "aggregator"', "member: expected distinct names"),
        ('name = "o"', 'nam = "o"', "site 4.nam: expected one of name, roles"),
        ('server = "fl.example.org"', 'server = "10.0.1"', "server: expected a name"),
        ('server = "fl.example.org"', "", "server: expected a text, found nothing"),
        ('preset = "wdbc"', 'preset = "resnet"', "preset: expected one of brain"),
        ("spread = 3.52", "spread = 0.0", "feature 1: expected constants of a feature"),
        ("spread = 3.52", "spread = '3'", "feature 1.spread: expected a number"),
        ('name = "mean texture"', 'name = "mean radius"', "found mean radius twice"),
        ("port = 8102", "port = ", "a TOML file"),
        ("port = 8102", "port = 81020", "port: expected an integer in [1, 65535]"),
    ],
)  # fmt: skip
def test_broken_project_files(made, proofward, tmp_path, old, new, where):
    text = (made[0] / "consortium.toml").read_text()
    assert old in text
    path = tmp_path / "consortium.toml"
    path.write_text(text.replace(old, new, 1))
    result = proofward("consortium", "init", tmp_path)
    assert result.exit_code == 1 and where in result.stderr and str(path) in result.stderr
    assert [found.name for found in tmp_path.iterdir()] == ["consortium.toml"]


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        SITES,
        ("--no-dp", "--title", "T", "--server", "localhost", "--hospital", "a", "--verifier", "a"),
        ("--no-dp", "--title", "T", "--server", "localhost:0", *SITES),
        ("--no-dp", "--title", "T", "--server", "a", *SITES),
        ("--no-dp", "--title", "T", "--server", "localhost", *SITES, "--hospital", "a"),
        ("--no-dp", "--title", "T", "--server", "localhost", *SITES, "--threshold", 3),
        ("--no-dp", "--title", "T", "--server", "localhost", *SITES, "--accepting", 1),
        ("--no-dp", "--title", "T", "--server", "localhost", *SITES, "--preset", "resnet"),
        ("--no-dp", "--title", "T\n", "--server", "localhost", *SITES),
    ],
)
def test_wrong_usage(proofward, tmp_path, arguments):
    result = proofward("consortium", "init", tmp_path / "c", *arguments)
    assert result.exit_code == 2 and "Error" in result.stderr and not (tmp_path / "c").exists()


def test_without_flare(proofward, tmp_path, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "nvflare" else found(name, *rest)
    )
    result = proofward("consortium", "init", tmp_path / "c", *OPTIONS)
    assert result.exit_code == 2 and "pip install 'proofward[flare]'" in result.stderr


@pytest.mark.parametrize(
    "command", [("consortium",), ("consortium", "init"), ("join",), ("enrol",), ("revoke",), ("rotate-key",)]
)
def test_help(proofward, command):
    result = proofward(*command, "--help")
    assert result.exit_code == 0 and "Usage:" in result.stdout


@pytest.mark.slow
def test_join_makes_encrypted_keys(proofward, kits, tmp_path, made):
    secret = tmp_path / "passphrase"
    secret.write_text("correct horse\n")
    said = proofward.json("join", kits / "a", "--passphrase-file", secret)
    assert (said["exit"], said["did"], said["terms"], said["consortium"]) == (
        0,
        "joined",
        made[1]["terms"],
        None,
    )
    assert said["features"] == made[1]["features"]
    home = Home(kits / "a" / "proofward")
    for member in said["members"]:
        path = home.member(member["member"]) / KEY
        assert is_encrypted(path) and stat.S_IMODE(path.stat().st_mode) == 0o600
        assert home.key(member["member"], b"correct horse").public.fingerprint == member["key"]
    assert json.loads((kits / "a" / "local" / "resources.json").read_text())["allow_log_streaming"] is False
    again = proofward.json("join", kits / "a", "--passphrase-file", secret)
    assert (again["exit"], again["did"]) == (0, "nothing")
    assert [m["key"] for m in again["members"]] == [m["key"] for m in said["members"]]
    without = proofward("join", kits / "a")
    assert without.exit_code == 1 and "passphrase" in without.stderr
    assert open_to_others(kits) == []


@pytest.mark.slow
def test_join_shows_what_is_joined(proofward, kits):
    text = proofward("join", kits / "a").stdout
    for expected in ("Breast “cancer” 2026: 15 rounds, server fl.example.org, port 8102", "hospitals: a, b, c",
                     "model 30-32-2", "hospital a: key", "verifier a-verifier: key", "not encrypted"):  # fmt: skip
        assert expected in text
    again = proofward("join", kits / "a")
    assert again.exit_code == 0 and "nothing was changed" in again.stdout
    (kits / "secret").write_text("word")
    late = proofward("join", kits / "a", "--passphrase-file", kits / "secret")
    assert late.exit_code == 1 and "without a passphrase" in late.stderr
    (kits / "secret").write_text("\n")
    assert "empty" in proofward("join", kits / "b", "--passphrase-file", kits / "secret").stderr


@pytest.mark.slow
def test_join_of_the_server_and_the_coordinator(proofward, kits):
    assert [m["role"] for m in proofward.json("join", kits / SERVER)["members"]] == ["aggregator"]
    said = proofward.json("join", kits / COORDINATOR)
    assert (said["exit"], said["did"], said["members"]) == (0, "nothing", [])
    assert proofward("join", kits).exit_code == proofward("join", kits / "z").exit_code == 2


def test_join_takes_a_kit_from_others(proofward, kits):
    (kits / "a").chmod(0o755)
    (kits / "a" / "startup" / "client.key").chmod(0o644)
    result = proofward("join", kits / "a")
    assert result.exit_code == 0 and "2 files or folders" in result.stdout
    assert open_to_others(kits / "a") == []


def test_revocations_before_everybody_has_joined(proofward, kits):
    said = proofward.json("revoke", kits / "o", "b", "--reason", "left", "--yes")
    assert (said["exit"], said["did"], said["by"]) == (0, "asked", "o")
    early = proofward("rotate-key", kits / "o")
    proofward("join", kits / "o")
    late = proofward("rotate-key", kits / "o")
    assert early.exit_code == late.exit_code == 1 and "not everybody has joined" in late.stderr
    assert not (kits / "o" / "proofward" / "members" / "o" / NEXT_KEY).exists()
