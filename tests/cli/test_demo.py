"""The demonstration's folder and figures, and what the command refuses."""

from __future__ import annotations

import json

import numpy as np
import pytest
from safetensors.numpy import load_file

from proofward.lattice.parameters import ciphertext_length
from proofward.ledger.seal import SEAL_NAME
from proofward.report.comparing.baselines import fixed_auc
from proofward.report.demonstrations.scenario import make_scenario


@pytest.mark.slow
def test_the_run_folder_is_complete(demo_run):
    folder, metrics = demo_run
    assert metrics["exit"] == 0 and metrics["finished"]
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "ledger", "proofs", "model.safetensors", "model.json", "metrics.json", "auc.png",
        "features.json", "classes.json", "report.md", "curves.png", "roc.png", "confusion.png",
    }  # fmt: skip
    assert (folder / "ledger" / SEAL_NAME).exists()
    assert {path.name for path in (folder / "proofs").iterdir()} == {
        f"hospital-{index}-round-2.proof" for index in range(3)
    }
    for name in ("auc.png", "curves.png", "roc.png", "confusion.png"):
        assert (folder / name).read_bytes().startswith(b"\x89PNG")
        assert name == "auc.png" or f"]({name})" in (folder / "report.md").read_text()


def test_metrics_are_those_of_the_run(demo_run):
    folder, printed = demo_run
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics.items() <= printed.items()
    methods = {"proofward", "federated float", "centralised"} | {f"alone: hospital-{i}" for i in range(3)}
    assert set(metrics["auc_by_round"]) == methods
    assert all(len(values) == 2 for values in metrics["auc_by_round"].values())
    phases = metrics["seconds"]["phases"]
    assert {name: entry["count"] for name, entry in phases.items()} == {
        "prove enrolment": 3, "train": 6, "encrypt": 6, "prove": 6,
        "verify": 27, "aggregate": 2, "confirm": 12,
    }  # fmt: skip
    assert all(entry["total"] > 0 for entry in phases.values())
    sizes = metrics["bytes"]
    assert sizes["sent_by_a_hospital_in_a_round"] > sizes["proof"] > sizes["ciphertext"] == 8 * ciphertext_length(30)
    held = metrics["held_out"]
    assert held["by_round"]["auc"][1:] == metrics["auc_by_round"]["proofward"]
    assert held["by_round"]["accuracy"][-1] == metrics["accuracy"]["proofward"]
    assert held["roc"]["1"]["auc"] == metrics["auc"]["proofward"] and not held["trained_on"]
    assert sum(map(sum, held["confusion"])) == held["rows"] == metrics["held_out_rows"]
    bits = metrics["bits"]
    assert min(bits["training"], bits["enrolment"]) >= bits["policy"] == 100
    assert bits["encryption_estimate"] >= 128


def test_the_model_file_is_the_model_that_was_scored(demo_run):
    folder, metrics = demo_run
    scenario = make_scenario("tiny", 3, 2, 0)
    tensors = load_file(folder / "model.safetensors")
    names = ["layer1.weight", "layer1.bias", "layer2.weight", "layer2.bias"]
    assert sorted(tensors) == sorted(names)
    weights = np.concatenate([tensors[name].reshape(-1) for name in names])
    assert weights.dtype == np.int64
    assert fixed_auc(scenario.setup, weights, scenario.held_out) == metrics["auc"]["proofward"]
    rules = json.loads((folder / "model.json").read_text())
    assert rules["model"] == metrics["model"] and rules["consortium"] == metrics["consortium"]


@pytest.mark.slow
def test_tables_are_printed(proofward, tmp_path):
    arguments = ("--preset", "tiny", "--hospitals", 3, "--rounds", 1, "--no-plot", "--run", tmp_path / "run")
    result = proofward("demo", *arguments)
    assert result.exit_code == 0
    for text in (
        "round 1 of 1 closed",
        "ProofWard",
        "plain float FedAvg",
        "alone: hospital-1",
        "bits proven",
    ):
        assert text in result.stdout
    assert not list((tmp_path / "run").glob("*.png"))
    page = (tmp_path / "run" / "report.md").read_text()
    assert "which no hospital trained on" in page and "no pictures: none were asked for" in page
    assert f"what the model does: {tmp_path / 'run' / 'report.md'}" in result.stdout


@pytest.mark.slow
def test_a_new_folder_is_named_after_the_time(proofward, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    metrics = proofward.json("demo", "--preset", "tiny", "--hospitals", 3, "--rounds", 1, "--no-plot")
    assert metrics["run"].startswith("runs/20") and (tmp_path / metrics["run"] / "model.json").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--preset", "no-such"),
        ("--hospitals", "1"),
        ("--rounds", "0"),
        ("--attack", "no-such"),
        ("--seed", "-1"),
        ("--run", __file__),
    ],
)
def test_wrong_usage(proofward, tmp_path, arguments):
    where = () if "--run" in arguments else ("--run", tmp_path / "run")
    result = proofward("demo", *where, *arguments)
    assert result.exit_code == 2 and "Error" in result.stderr


def test_folders_that_are_not_to_be_written(proofward, demo_run, tmp_path):
    folder, _ = demo_run
    finished = proofward("demo", "--preset", "tiny", "--run", folder)
    assert finished.exit_code == 2 and "finished run" in finished.stderr
    (tmp_path / "thesis.txt").write_text("mine")
    other = proofward("demo", "--preset", "tiny", "--run", tmp_path)
    assert other.exit_code == 2 and "neither empty nor a run" in other.stderr
    assert (tmp_path / "thesis.txt").read_text() == "mine"


@pytest.mark.slow
def test_an_interrupted_run_goes_on(proofward, tmp_path, monkeypatch):
    from proofward.engines.in_process import InProcessFederation

    run, arguments = tmp_path / "run", ("--preset", "tiny", "--hospitals", 3, "--rounds", 2, "--no-plot")
    whole = InProcessFederation.run

    def interrupted(engine: InProcessFederation) -> object:
        whole(engine, lambda: len(engine.aggregator.history.closed) == 1)
        engine.close()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(InProcessFederation, "run", interrupted)
        assert proofward("demo", *arguments, "--run", run).exit_code == 130
    private, away = tmp_path / "run.private", tmp_path / "away"
    private.rename(away)
    without = proofward("demo", *arguments, "--run", run)
    assert without.exit_code == 2 and "run.private, are not there" in without.stderr and not private.exists()
    away.rename(run / "parties")
    assert f"move {run}/parties there" in proofward("demo", *arguments, "--run", run).stderr
    (run / "parties").rename(private)
    (private / "verifier-1" / "identity.key").rename(away)
    one = proofward("demo", *arguments, "--run", run)
    assert one.exit_code == 2 and "verifier-1/identity.key is not there" in one.stderr
    assert not (private / "verifier-1" / "identity.key").exists()
    away.rename(private / "verifier-1" / "identity.key")
    other = proofward("demo", *arguments, "--seed", 1, "--run", run)
    assert other.exit_code == 2 and "seed 0 there, " in other.stderr and "seed 1 asked for" in other.stderr
    before = sorted(path.name for path in private.iterdir())
    more = ("--rounds", 3, "--hospitals", 4, "--verifiers", 4, "--preset", "logistic")
    other = proofward("demo", *arguments, *more, "--run", run)
    for setting in ("rounds: 2 there, 3", "hospitals: 3 there, 4", "verifiers: 3 there, 4", "4-4-2 there, 30-2"):
        assert other.exit_code == 2 and f"{setting} asked for" in other.stderr
    assert "proofward/" not in other.stderr and "expected" not in other.stderr
    assert sorted(path.name for path in private.iterdir()) == before
    metrics = proofward.json("demo", *arguments, "--run", run)
    assert metrics["exit"] == 0 and metrics["rounds"] == 2
    assert metrics["seconds"]["phases"]["prove"]["count"] == 3
    assert proofward("audit", run).exit_code == 0


def test_nothing_secret_lies_in_the_run_folder(demo_run):
    folder, _ = demo_run
    private = folder.with_name("run.private")
    parties = {"aggregator", *(f"{role}-{index}" for role in ("hospital", "verifier") for index in range(3))}
    assert {path.name for path in private.iterdir()} == parties
    assert all(path.stat().st_mode & 0o077 == 0 for path in (private, *private.rglob("*")))
    for hidden in ("*.key", "state*", "*.ratchet", "*.secrets", "*.npz"):
        assert list(folder.rglob(hidden)) == []
    assert len(list(private.rglob("identity.key"))) == 7 and len(list(private.rglob("state.sqlite"))) == 6


@pytest.mark.slow
def test_where_the_secrets_are_is_said(proofward, tmp_path):
    arguments = ("--preset", "tiny", "--hospitals", 3, "--rounds", 1, "--no-plot", "--run", tmp_path / "run")
    assert f"not to be handed over: {tmp_path / 'run.private'}" in proofward("demo", *arguments).stdout


def test_states_of_another_run_are_not_used(proofward, tmp_path):
    (tmp_path / "run.private" / "aggregator").mkdir(parents=True)
    result = proofward("demo", "--preset", "tiny", "--run", tmp_path / "run")
    assert result.exit_code == 2 and "run.private" in result.stderr and not (tmp_path / "run").exists()


@pytest.mark.slow
def test_charts_of_a_run(proofward, tmp_path, monkeypatch):
    from proofward.charts import verifiers

    monkeypatch.setattr(verifiers, "verification_seconds", lambda scenario, count: 0.5 * count)
    run = tmp_path / "run"
    result = proofward("demo", "--preset", "tiny", "--hospitals", 3, "--rounds", 1, "--charts", "--run", run)
    assert result.exit_code == 0 and f"charts: {run}/charts/charts.md" in result.stdout
    numbers = {path.stem: json.loads(path.read_text()) for path in (run / "charts").glob("*.json")}
    assert set(numbers) == {"auc-by-round", "auc-by-hospitals", "seconds-by-round", "verification-by-verifiers"}
    metrics = json.loads((run / "metrics.json").read_text())
    assert numbers["auc-by-round"]["proofward"] == metrics["auc_by_round"]["proofward"]
    spent = numbers["seconds-by-round"]["rounds"]["1"]
    assert spent["proving"] == metrics["seconds"]["phases"]["prove"]["total"] and spent["protocol"] > 0
    assert numbers["verification-by-verifiers"]["each_seconds"] == [0.5, 0.5, 0.5]


@pytest.mark.parametrize(
    "arguments", [("--attack", "scaled-update"), ("--engine", "flare"), ("--no-plot",), ("--workers", "2")]
)
def test_charts_need_a_whole_run_of_one_member_at_a_time(proofward, tmp_path, arguments):
    result = proofward("demo", "--charts", "--run", tmp_path / "run", *arguments)
    assert result.exit_code == 2 and "--charts goes without" in result.stderr
