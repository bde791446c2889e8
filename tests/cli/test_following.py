"""`proofward join --follow`: a hospital chooses heads, where the terms have them, and says so ever after."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from proofward.encoding import encode_item
from proofward.engines.local import SERVER
from proofward.engines.remote.agreement.following import kept
from proofward.engines.remote.agreement.home import TERMS, Home
from proofward.federation.messages.consortium.committees import Committees

VKEY = "witness.example+2f6d70a4+BDtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"


@pytest.fixture
def plain(consortium, tmp_path):
    """A hospital's kit, whose terms have no heads."""
    return shutil.copytree(consortium.kits["hospital-0"], tmp_path / "plain")


@pytest.fixture
def kit(plain):
    """The same with heads, and two of three hospitals that hold shares: for experiments only."""
    home = Home(plain / "proofward")
    config = replace(home.terms.round_config, holders=2, threshold=1)
    committees = Committees(20, 10, 2, 2, unsafe=True)
    drawn = {"committees": encode_item(committees.to_item()), "config": encode_item(config.to_dict())}
    home.write(TERMS, replace(home.terms, follow="heads", **drawn).data)
    return plain


def following(kit):
    return kept(kit / "proofward" / "members" / "hospital-0")


def test_heads_are_chosen_and_given_up(proofward, kit):
    assert proofward.json("join", kit)["following"] == {"hospital-0": "everything"}
    said = proofward("join", kit, "--follow", "heads", "--witness", "https://witness.example/", VKEY)
    assert said.exit_code == 0 and "hospital-0 follows heads: it takes what 3 of 4 verifiers sign" in said.stdout
    assert "a verifier of this site reads every entry all the same" in said.stdout
    assert following(kit).heads and str(following(kit).witnesses[0].cosigner) == VKEY
    assert proofward.json("join", kit)["following"] == {"hospital-0": "heads"}
    checks = {check["name"]: check for check in proofward.json("doctor", kit, "--offline")["checks"]}
    assert checks["following of hospital-0"]["detail"] == "heads, which verifiers sign"
    assert proofward.json("join", kit, "--follow", "everything")["following"] == {"hospital-0": "everything"}
    assert not following(kit).heads


def test_words_for_who_cannot(proofward, plain, consortium):
    kit = plain
    said = proofward("join", kit, "--follow", "heads")
    assert said.exit_code == 1 and "nobody signs heads under these terms" in said.output and not following(kit).heads
    assert 'follow = "heads" in consortium.toml' in said.output
    said = proofward("join", shutil.copytree(consortium.kits[SERVER], kit.parent / "server"), "--follow", "heads")
    assert said.exit_code == 1 and "has no hospital" in said.output
    said = proofward("join", kit, "--witness", "https://witness.example/", VKEY)
    assert said.exit_code == 1 and "--witness is for --follow heads" in said.output


def test_rejects_a_witness_that_is_none_and_a_choice_that_says_nothing(proofward, kit):
    for url, vkey in (("witness.example", VKEY), ("https://witness.example/", "key")):
        assert proofward("join", kit, "--follow", "heads", "--witness", url, vkey).exit_code == 2
    assert not following(kit).heads
    (kit / "proofward" / "members" / "hospital-0" / "follow").write_text("hats")
    found = {check["name"]: check for check in proofward.json("doctor", kit, "--offline")["checks"]}
    check = found["following of hospital-0"]
    assert check["outcome"] == "problem" and "--follow everything" in check["remedy"]
