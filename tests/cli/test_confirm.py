"""`proofward confirm`: nothing is sent before the operator has compared the consortium's fingerprint."""

from __future__ import annotations

import hashlib
import sys
import time

import click
import pytest
from click.testing import CliRunner

from proofward.cli.common.fingerprint import digest_of, groups, words
from proofward.cli.main import main
from proofward.engines.remote.agreement.home import CONFIRMED, Home
from tests.engines import remote_harness as harness
from tests.engines import remote_kits


@pytest.fixture
def waiting(tmp_path):
    """A federation in which everybody has joined and nobody but the first hospital has confirmed."""
    with harness.Consortium(tmp_path, harness.agreement(rounds=1)) as consortium:
        for site in consortium.names:
            (tmp_path / site / "home" / CONFIRMED).unlink()
        consortium.start(*consortium.names)
        homes = {site: Home(tmp_path / site / "home") for site in consortium.names}
        while not all(home.rules for home in homes.values()):
            time.sleep(0.05)
        for site in consortium.names:
            remote_kits.furnish_kit(tmp_path / site)
        yield consortium, homes


@pytest.mark.slow
def test_the_federation_begins_when_all_have_confirmed(waiting, tmp_path, proofward):
    consortium, homes = waiting
    first, *others = consortium.names
    digest = homes[first].rules.digest.hex()
    before = proofward.json("status", tmp_path / first)
    assert before["exit"] == 1 and any(problem["check"] == "unconfirmed" for problem in before["problems"])
    assert words(digest)[:20] in proofward("status", tmp_path / first).stdout
    refused = CliRunner().invoke(main, ["confirm", str(tmp_path / first)], input="n\n")
    assert refused.exit_code == 1 and words(digest).split()[-1] in refused.output
    wrong = proofward.json("confirm", tmp_path / first, "--consortium", hashlib.sha256(b"").hexdigest())
    assert wrong["exit"] == 1 and wrong["did"] == "refused"
    asked = CliRunner().invoke(main, ["confirm", str(tmp_path / first)], input="y\n")
    assert asked.exit_code == 0 and homes[first].confirmed(homes[first].rules)
    assert proofward.json("confirm", tmp_path / first, "--consortium", digest)["did"] == "nothing"
    assert not set(others) & set(consortium.host.aggregator.history.enrolled)
    for number, site in enumerate(others):
        said = words(digest).upper() if number % 2 else groups(digest)
        assert proofward.json("confirm", tmp_path / site, "--consortium", said)["did"] == "confirmed"
    consortium.join(*consortium.names)
    assert proofward.json("status", tmp_path / first)["problems"] == []


@pytest.mark.slow
def test_a_fingerprint_given_early_has_to_be_the_one(tmp_path, proofward):
    with harness.Consortium(tmp_path, harness.agreement(rounds=1)) as consortium:
        site = consortium.names[0]
        home = Home(tmp_path / site / "home")
        (home.root / CONFIRMED).unlink()
        remote_kits.furnish_kit(tmp_path / site)
        assert CliRunner().invoke(main, ["confirm", str(tmp_path / site)]).exit_code == 1
        other = hashlib.sha256(b"another consortium").hexdigest()
        assert proofward.json("confirm", tmp_path / site, "--consortium", other)["did"] == "confirmed"
        consortium.start(*consortium.names)
        while not consortium.sites[site].failures:
            time.sleep(0.05)
        found = proofward.json("status", tmp_path / site)
        assert found["exit"] == 1 and any(other in problem["sentence"] for problem in found["problems"])


def test_without_the_list_of_words(monkeypatch):
    monkeypatch.setitem(sys.modules, "mnemonic", None)
    digest = hashlib.sha256(b"").hexdigest()
    assert digest_of(groups(digest)) == digest
    for ask in (lambda: words(digest), lambda: digest_of("abandon " * 24)):
        with pytest.raises(click.UsageError, match="pip install"):
            ask()


def test_words_and_digits_are_read_again():
    for seed in range(50):
        digest = hashlib.sha256(bytes([seed])).hexdigest()
        said = words(digest)
        assert len(said.split()) == 24 and digest_of(said) == digest_of(groups(digest)) == digest
        misheard = said.split()
        misheard[3] = "abandon" if misheard[3] != "abandon" else "ability"
        assert digest_of(" ".join(misheard)) != digest
    for text in ("", "abandon", "g" * 64, "0" * 63, "zebra " * 23):
        assert digest_of(text) is None
