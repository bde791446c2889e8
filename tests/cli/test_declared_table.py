"""[declared] of consortium.toml: what the consortium says of itself, into the terms and back into the file."""

from __future__ import annotations

import pytest

from proofward.cli.project.consortium_file.reading import read_project, read_whole_project
from proofward.cli.project.consortium_file.writing import project_text
from proofward.cli.project.words.terms import in_words
from proofward.federation.messages.consortium.declarations import NOTHING_DECLARED, LegalMember

SITES = ("--hospital", "a", "--hospital", "b", "--hospital", "c", "--verifier", "a", "--verifier", "b")
DRAFT = ("--no-dp", "--title", "T", "--server", "localhost", "--preset", "tiny", *SITES, "--draft")
TABLE = '''
[declared]
purpose = """
To find sepsis earlier.

In adults."""
retention = "ten years"

[declared.site.a]
legal_name = "Spital \\"Süd\\" gGmbH"
contact = "dpo@south.example"
responsible = "Dr. A. Ärztin"

[declared.site.aggregator]
legal_name = "University"
'''


@pytest.fixture
def draft(proofward, tmp_path):
    assert proofward("consortium", "init", tmp_path, *DRAFT).exit_code == 0
    return tmp_path / "consortium.toml"


def test_nothing_is_declared_unless_somebody_does(draft):
    project = read_project(draft)
    assert project.terms().check().declarations == NOTHING_DECLARED and "declared" not in project_text(project)


def test_it_is_in_the_terms_and_comes_back_from_the_file(draft):
    plain = read_project(draft).terms()
    draft.write_text(draft.read_text() + TABLE)
    project = read_project(draft)
    terms = project.terms()
    found = terms.check().declarations
    assert terms.digest != plain.digest
    assert found.purpose == ("To find sepsis earlier.", "", "In adults.") and found.retention == ("ten years",)
    south = ("Spital \"Süd\" gGmbH", "dpo@south.example", "Dr. A. Ärztin")
    assert found.members == (
        LegalMember("a", *south), LegalMember("a-verifier", *south), LegalMember("aggregator", "University"),
    )  # fmt: skip
    draft.write_text(project_text(project))
    assert read_project(draft).terms().data == terms.data
    words = in_words(terms, ("localhost",), 8002)
    assert "declared, purpose: To find sepsis earlier. (and 2 more lines)" in words
    assert 'declared, a: Spital "Süd" gGmbH, dpo@south.example' in words


@pytest.mark.parametrize(
    ("table", "field"),
    [
        ("[declared]\nmotto = 'x'\n", "declared.motto"),
        ("[declared]\npurpose = 3\n", "declared.purpose"),
        ('[declared]\npurpose = "a\\u202eb"\n', "declared.purpose"),
        ("declared = 3\n", "declared"),
        ("[declared.site]\na = 3\n", "declared.site.a"),
        ("[declared.site.a]\nphone = 'x'\n", "declared.site.a.phone"),
        ("[declared.site.a]\ncontact = '" + "x" * 121 + "'\n", "declared.site.a.contact"),
        ("[declared.site.nobody]\ncontact = 'x'\n", "declared.site.nobody"),
    ],
)
def test_rejects_what_makes_no_sense(draft, table, field):
    text = draft.read_text()
    draft.write_text(table + text if table.startswith("declared =") else text + table)
    project, problems = read_whole_project(draft)
    if project is not None:
        with pytest.raises(Exception, match=field):
            project.terms()
    else:
        assert [str(problem).split(":")[0] for problem in problems] == [field]
