"""`proofward demo --chain`: a whole federation anchored, audited against its chain, and attacked there."""

from __future__ import annotations

import pytest

from proofward.chain.nodes import anvil
from proofward.cli.run.demos import chain as demo_chain

pytestmark = pytest.mark.slow


def test_the_whole_demonstration(proofward, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(demo_chain, "anvil_program", lambda: None)
    small = ("--preset", "tiny", "--hospitals", 3, "--rounds", 1, "--no-plot")
    said = proofward.json("demo", "--chain", *small, "--run", tmp_path / "run")
    assert said["exit"] == 0 and said["chain"]["on"] == "py-evm in this process"
    assert all(value is True for value in list(said["chain"].values())[2:]) and len(said["chain"]) == 6
    assert list(said["chain"]["gas"]) == ["deploy", "weights of round 1", "round 1"]
    examined = proofward.json("chain", "dispute", tmp_path / "run", "--verifier", "verifier-1")
    assert examined["exit"] == 0 and len(examined["verdicts"]) == 3 and examined["did"] == "examined"
    assert {one["words"] for one in examined["verdicts"]} == {"the proof gives this receipt"}
    done = proofward("audit", tmp_path / "run")
    assert done.exit_code == 0 and "1 round anchored on chain 31337" in done.output
    report = proofward("chain", "verify", tmp_path / "run", "--chain-proof", tmp_path / "run" / "chain-proof.json")
    assert report.exit_code == 0 and "the anchor holds" in report.output


@pytest.mark.parametrize("other", [("--attack", "wrong-data"), ("--images",), ("--charts",), ("--engine", "flare")])
def test_it_goes_alone(proofward, other) -> None:
    done = proofward("demo", "--chain", *other)
    assert done.exit_code == 2 and ("--chain goes without" in done.output or "--attack" in done.output)


def test_a_chain_is_anvil_where_there_is_one(monkeypatch) -> None:
    monkeypatch.setenv(anvil.VARIABLE, "/no/such/anvil")
    assert anvil.anvil_program() == "/no/such/anvil"
    with pytest.raises(OSError), demo_chain.demonstration_chain():
        pass
