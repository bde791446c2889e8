"""What a consortium declares of itself is in its rules and its fingerprint, and changes nothing if absent."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proofward.encoding import MalformedMessage, encode
from proofward.engines.run_folder import RunFolder
from proofward.federation.messages.consortium.declarations import MAX_DECLARATIONS, Declarations, LegalMember
from proofward.federation.messages.consortium.rules import Rules, RulesError
from tests.federation.fakes import plan

DECLARED = Declarations(
    purpose=("To find sepsis earlier.", "", "Of adults in intensive care."),
    legal_basis=("GDPR article 9(2)(j)",),
    members=(LegalMember("hospital-0", "Spital Süd <gGmbH>", "dpo@south.example", "Dr. A. Ärztin"),),
)


@pytest.fixture(scope="module")
def rules(tmp_path_factory):
    folder = RunFolder(tmp_path_factory.mktemp("run"), b"s")
    return folder.rules(plan(hospitals=3, verifiers=1, threshold=1))


def test_they_are_part_of_the_fingerprint_and_come_back(rules):
    declaring = replace(rules, declarations=DECLARED)
    assert declaring.digest != rules.digest
    assert Rules.from_bytes(declaring.data).declarations == DECLARED
    assert declaring.declarations.of("hospital-0").legal_name == "Spital Süd <gGmbH>"
    assert declaring.declarations.of("hospital-1") == LegalMember("hospital-1")
    other = replace(DECLARED, retention=("ten years",))
    assert replace(rules, declarations=other).digest != declaring.digest


def test_rules_that_declare_nothing_have_the_bytes_that_they_had(rules):
    assert b"declarations" not in rules.data
    assert Rules.from_bytes(rules.data) == replace(rules, declarations=Declarations())


def test_rejects_bytes_that_declare_nothing_at_length(rules):
    declaring = replace(rules, declarations=DECLARED)
    empty = declaring.data.replace(encode(DECLARED), encode(Declarations()))
    with pytest.raises(RulesError):
        Rules.from_bytes(empty)


def test_rejects_strangers_repeated_members_and_too_much(rules):
    twice = (LegalMember("hospital-0"), LegalMember("hospital-0"))
    much = ("x" * 500,) * 400
    for declared in (
        Declarations(members=(LegalMember("nobody"),)),
        Declarations(members=twice),
        Declarations(much, much, much),
    ):
        with pytest.raises(RulesError, match="declarations"):
            replace(rules, declarations=declared)
    assert len(encode(Declarations(much))) < MAX_DECLARATIONS


@pytest.mark.parametrize("text", ["a\u202eb", "a\nb", "a\x00b", "x" * 501])
def test_rejects_text_that_cannot_be_shown(text):
    with pytest.raises(MalformedMessage):
        encode(Declarations(purpose=(text,)))
