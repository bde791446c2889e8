"""Attacks by their command, on the real proofs: refused by the check that should, the author named.

Every attack of the catalogue is judged in a whole federation in `tests/engines/test_attacks`, the forged proofs
in `test_real_proofs`, bad key shares under the real binding in `test_dealers`.
"""

from __future__ import annotations

import pytest

from proofward.engines.attacks.catalogue import ATTACKS
from proofward.engines.attacks.other_rules import evaluated, noisy
from proofward.report.demonstrations.attack_outcome import EXPECTED

TINY = ("--preset", "tiny", "--no-plot")
#: One of each kind: a forged proof, a changed ciphertext, a key share, an aggregate, a log, a verdict, a private
#: round, a proved evaluation, its noise; and the other forgeries, since there is nothing to forge about a hash.
SAMPLE = {
    "flipped-labels", "swapped-ciphertext", "wrong-key-share", "another-model", "ledger-rewritten", "wrong-verdict",
    "skipped-training", "scaled-update", "chosen-batches", "spent-budget", "forgotten-error",
    "skipped-count-noise",
}  # fmt: skip


def test_the_list_has_a_name_and_a_sentence_a_line(proofward):
    result = proofward("demo", "--attack", "list")
    assert result.exit_code == 0 and "`proofward demo --chain` shows two more: " in result.stderr
    told = dict(line.split(maxsplit=1) for line in result.stdout.splitlines())
    assert list(told) == list(ATTACKS) and len(set(told.values())) >= len(told) - 1
    assert all(words[0].isupper() and words.endswith(".") for words in told.values())
    assert proofward.json("demo", "--attack", "list") == {**told, "exit": 0}
    assert proofward("demo", "--attack", "no such").exit_code == 2


def test_every_attack_has_an_expected_check():
    assert set(EXPECTED) == set(ATTACKS)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [name if name in SAMPLE else pytest.param(name, marks=pytest.mark.exhaustive) for name in sorted(ATTACKS)]
)
def test_attack(proofward, tmp_path, name):
    attack = ATTACKS[name]
    rounds, run = attack.rounds, tmp_path / "run"
    sizes = ("--rounds", rounds, "--hospitals", attack.hospitals or 4)
    rounds += attack.rules in (evaluated, noisy)
    outcome = proofward.json("demo", "--attack", name, *TINY, *sizes, "--run", run)
    assert outcome["exit"] == 0 and outcome["refused"], outcome
    assert outcome["check"] == EXPECTED[name][0]
    assert outcome["culprit"] == attack.culprit("hospital-1", "verifier-1", "aggregator")
    assert outcome["goes_on"] == attack.goes_on
    if attack.unseen:
        assert outcome["audit"] == [] and outcome["rounds"] == rounds
        assert outcome["by"] and not set(outcome["by"]) & set(outcome["accepted"])
        assert proofward.json("audit", run)["exit"] == 0
    elif attack.verifier is not None:
        assert set(outcome["audit"]) == {EXPECTED[name][1]} and outcome["rounds"] == rounds
        assert ("hospital-1" in outcome["accepted"]) == (attack.hospital is None)
        assert "hospital-0" in outcome["accepted"]
        audited = proofward.json("audit", run, "--workers", 2)
        assert audited["exit"] == 1 and audited["consistent"] and audited["rules_kept"] is False
        assert {breach["member"] for breach in audited["broke_rules"]} >= {"verifier-1"}
        failed = [verdict for verdict in audited["verdicts"] if not verdict["passed"]]
        assert [(verdict["check"], verdict["culprit"]) for verdict in failed] == [(EXPECTED[name][1], "verifier-1")]
    elif attack.goes_on:
        assert outcome["audit"] == [] and outcome["rounds"] == rounds
        out = name not in ("wrong-share-sum", "equivocation", "double-consent", "wrong-beacon-share")
        assert ("hospital-1" not in outcome["accepted"]) == out
        audited = proofward.json("audit", run)
        assert audited["consistent"] and audited["rules_kept"] is False and audited["exit"] == 1
        assert {breach["member"] for breach in audited["broke_rules"]} == {outcome["culprit"]}
    else:
        assert EXPECTED[name][1] in outcome["audit"]
        audited = proofward.json("audit", run)
        assert audited["exit"] == 1 and not audited["passed"]
        assert {breach["member"] for breach in audited["broke_rules"]} <= {outcome["culprit"]}


@pytest.mark.slow
def test_an_unnoticed_attack_exits_with_1(proofward, tmp_path, monkeypatch):
    monkeypatch.setitem(EXPECTED, "scaled-update", ("key-share",))
    sizes = ("--rounds", 1, "--hospitals", 4)
    result = proofward("demo", "--attack", "scaled-update", *TINY, *sizes, "--run", tmp_path / "run")
    assert result.exit_code == 1
    assert "NOT refused as it should be: expected key-share" in result.stdout


def test_an_attack_needs_enough_others(proofward, tmp_path):
    for arguments in (
        ("scaled-update", "--hospitals", 3), ("replayed-proof", "--rounds", 1), ("no-such",),
        ("spent-budget", "--hospitals", 5), ("spent-budget", "--hospitals", 6, "--rounds", 1),
        ("heads-withheld", "--hospitals", 5), ("head-forged", "--hospitals", 6, "--rounds", 2),
    ):  # fmt: skip
        assert proofward("demo", "--run", tmp_path / "run", "--attack", *arguments).exit_code == 2
