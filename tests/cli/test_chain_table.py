"""[chain] of consortium.toml: where the ledger is anchored and who seals, into the terms and back into the file."""

from __future__ import annotations

import pytest

from proofward.chain.basics.anchor import contract_digest
from proofward.cli.project.consortium_file.reading import read_project, read_whole_project
from proofward.cli.project.consortium_file.writing import project_text
from proofward.cli.project.words.terms import in_words
from proofward.engines.remote.agreement.plan import plan_of
from proofward.engines.remote.agreement.terms import Terms
from proofward.federation.messages.consortium.chain_terms import USUAL_FACTORY, ChainTerms
from proofward.federation.messages.consortium.rules import Rules, RulesError
from proofward.federation.messages.consortium.scaling import Scaling
from proofward.layers.basics.errors import ConfigurationError

SITES = ("--hospital", "a", "--hospital", "b", "--hospital", "c", "--verifier", "a", "--verifier", "b")
DRAFT = ("--no-dp", "--title", "T", "--server", "localhost", "--preset", "tiny", *SITES, "--draft")
SEATS = ("a-verifier", "b-verifier")


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    from click.testing import CliRunner

    from proofward.cli.main import main

    folder = tmp_path_factory.mktemp("chain-table")
    assert CliRunner().invoke(main, ["consortium", "init", str(folder), *DRAFT]).exit_code == 0
    return (folder / "consortium.toml").read_text()


@pytest.fixture
def written(plain, tmp_path):
    def write(table: str):
        path = tmp_path / "consortium.toml"
        path.write_text(f"{plain}\n{table}")
        return path

    return write


def test_without_it_nothing_is_anchored(written) -> None:
    project = read_project(written(""))
    rules = project.terms().check()
    assert rules.chain is None and b"chain" not in rules.data and "[chain]" not in project_text(project)


def test_usual_seats_are_the_verifiers_and_all_comes_back(written, tmp_path) -> None:
    project = read_project(written("[chain]\nchain_id = 7"))
    terms = project.terms()
    found = terms.check().chain
    assert found == ChainTerms(7, 2, SEATS, contract_digest(), 10_000, USUAL_FACTORY)
    assert found.words in in_words(terms, ("localhost",), 8002) and "chain 7" in found.words
    assert Rules.from_bytes(terms.check().data).chain == found and Terms.from_bytes(terms.data).anchored == found
    assert plan_of(terms).chain == found
    again = tmp_path / "again.toml"
    again.write_text(project_text(project))
    assert read_project(again) == project


def test_hospitals_may_have_seats_and_a_share_its_limit(written) -> None:
    table = '[chain]\nchain_id = 7\nseats = ["c", "a-verifier", "b"]\nquorum = 3\nlargest_share = 5000\nreceipts = true'
    found = read_project(written(table)).terms().check().chain
    assert found.seats == ("a-verifier", "b", "c") and found.quorum == 3 and "50 %" in found.words and found.receipts


def test_the_check_of_a_file_says_what_it_turns_on(proofward, written) -> None:
    assert "options" not in proofward.json("consortium", "check", written(""))
    path = written('[chain]\nchain_id = 7\n[attestation]\nlevel = "recorded"')
    scaling = 'sums = "fingerprints"\nshares = "ephemeral"\nsealing_keys = "objects"\nverdicts = "together"'
    path.write_text(f"{scaling}\n{path.read_text()}")
    project = read_project(path).completed()
    assert project.terms().check().scaling == Scaling("fingerprints", "ephemeral", "objects", verdicts="together")
    (again := path.with_name("again.toml")).write_text(project_text(project))
    assert read_project(again) == project
    said = proofward.json("consortium", "check", path)["options"]
    for words, line in zip(("on chain 7", "fingerprints", "are deleted", "Merkle roots", "together", "evidence of"), said, strict=True):
        assert words in line
    assert said[0] in proofward("consortium", "check", path).output


@pytest.mark.parametrize("table, named", [
    ("", "chain.chain_id"), ("quorum = 1", "chain.chain_id"), ("chain_id = 0", "chain.chain_id"), ("chain_id = 1\nseats = [\"nobody\"]", "chain.seats"),
    ("chain_id = 1\nquorum = 1", "chain.quorum"), ("chain_id = 1\nquorum = 3", "chain.quorum"),
    ("chain_id = 1\nlargest_share = 10001", "chain.largest_share"), ("chain_id = 1\nfactory = \"0x12\"", "chain.factory"),
    ("chain_id = 1\nowner = \"me\"", "chain.owner"),
])  # fmt: skip
def test_rejects_what_makes_no_sense_by_name(written, table, named) -> None:
    path = written(f"[chain]\n{table}")
    project, problems = read_whole_project(path)
    if project is not None:
        with pytest.raises(Exception, match=named):
            project.terms()
    else:
        assert named in str(problems[0])


@pytest.mark.parametrize("changes", [
    {"chain_id": 0}, {"quorum": 1}, {"quorum": 3}, {"seats": ["x", "y"]}, {"seats": list(reversed(SEATS))}, {"seats": []},
    {"contract": b"1"}, {"largest_share": 0}, {"factory": bytes(20)}, {"factory": b"1"}, {"receipts": 1},
])  # fmt: skip
def test_rejects_altered_terms(changes) -> None:
    item = {**ChainTerms(7, 2, SEATS, bytes(32)).to_item(), **changes}
    with pytest.raises(ConfigurationError):
        ChainTerms.from_item(item).check(SEATS)


def test_more_seats_than_a_contract_has_are_counted_and_not_listed() -> None:
    names = tuple(f"verifier-{number:03}" for number in range(65))
    with pytest.raises(ConfigurationError, match=r"at most 64 of the members.*65 names"):
        ChainTerms(7, 33, names, bytes(32)).check(names)


def test_rejects_rules_with_seats_of_nobody(written) -> None:
    from dataclasses import replace

    rules = read_project(written("[chain]\nchain_id = 7")).terms().check()
    with pytest.raises(RulesError, match="anchor"):
        replace(rules, chain=replace(rules.chain, seats=("nobody", "somebody")))
    for item in ([], {}, {**rules.chain.to_item(), "more": 1}, {**rules.chain.to_item(), "seats": "a"}):
        with pytest.raises(ConfigurationError):
            ChainTerms.from_item(item)
