"""The report to file: what it says of a federation, with hostile words in it, on screens and on paper."""

from __future__ import annotations

import json
import shutil
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pytest

from proofward.dossier.filing import file_report
from proofward.dossier.html_page import html_page
from proofward.dossier.parts.drawing import Line, chart, in_words
from proofward.dossier.parts.paper import Basis, Facts, Grid, Mark, Paper, Section, Words, fact, plain
from proofward.dossier.record.chronicle import Chronicle
from proofward.dossier.record.evidence import Evidence
from proofward.dossier.sections.counts import counted_figures
from proofward.dossier.sections.take_part import MEANINGS, part
from proofward.federation.history.state.round_state import RoundState
from proofward.federation.history.sums.counted import CountedSum
from proofward.federation.parties.auditor import Auditor
from proofward.relations.rules.counting import Counting
from proofward.relations.scores.score_counts import counts_of_probabilities
from proofward.relations.scores.score_layout import ScoreLayout
from tests.dossier.words import HOSTILE, SHEET
from tests.federation.fakes import FakeProofs


def blocks(filed, key):
    return next(section["blocks"] for section in filed.document["sections"] if section["key"] == key)


def facts(filed, key):
    return {
        entry["term"]: entry for block in blocks(filed, key) for entry in block.get("facts", ())
    }


def table(filed, key, caption):
    return next(block for block in blocks(filed, key) if block.get("caption") == caption)


class Outline(HTMLParser):
    """Tags in order, with their attributes, and the texts of headings."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def named(self, *names):
        return [(tag, attributes) for tag, attributes in self.tags if tag in names]


def test_it_asks_for_nothing_and_runs_nothing(page):
    found = Outline(page)
    assert not found.named("script", "link", "iframe", "object", "embed", "form", "img")
    for tag, attributes in found.tags:
        assert not [name for name in attributes if name.startswith("on")], (tag, attributes)
        assert all(str(attributes.get(name, "#")).startswith("#") for name in ("src", "href")), attributes
    assert "default-src 'none'" in page and "@import" not in page and "url(" not in page
    assert page.count("http") == page.count("http://www.w3.org/2000/svg") + page.count("http-equiv")


def test_hostile_words_stay_words(page):
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &quot; onload=&#x27;x&#x27; &amp; مستشفى 医院 longlong" in page
    assert "&lt;b&gt;bold&lt;/b&gt;" in page and "&lt;/td&gt;&lt;/table&gt;&lt;h1&gt;x" in page
    assert len(Outline(page).named("h1")) == 1


def test_what_cannot_be_shown_is_named():
    assert plain("a\u202eb\x00c\u200bd\ne") == "a[U+202E]b[U+0000]c[U+200B]d[U+000A]e"
    assert plain("x" * 5000) == "x" * 4000 + "... (5000 characters)"
    words = ("\u202e<i>evil",)
    section = Section("one", words[0], (Words(words), Grid(words[0], ("a", words[0]), [(words[0], Mark(*words))])))
    made = html_page(Paper(words[0], words[0], ((words[0], None),), (section,)))
    assert "\u202e" not in made and "<i>" not in made and made.count("[U+202E]&lt;i&gt;evil") == 12


def test_headings_tables_and_pictures_can_be_read_aloud(page):
    found = Outline(page)
    levels = [int(tag[1]) for tag, _ in found.named("h1", "h2", "h3")]
    assert levels[0] == 1 and all(after - before <= 1 for before, after in pairwise(levels))
    assert found.named("html") == [("html", {"lang": "en"})]
    assert len(found.named("caption")) == len(found.named("table")) > 20
    assert all(attributes.get("scope") in ("row", "col") for _, attributes in found.named("th"))
    pictures = [attributes for tag, attributes in found.named("svg")]
    assert len(pictures) >= 3 and all(one["role"] == "img" for one in pictures)
    assert all("aria-labelledby" in one or "aria-label" in one for one in pictures)
    identifiers = [attributes["id"] for _, attributes in found.tags if "id" in attributes]
    assert len(identifiers) == len(set(identifiers))


def test_it_answers_the_two_questions_first_and_says_who_broke_the_rules(filed, page):
    assert not filed.passed and filed.document["consistent"] is True and filed.document["rules_kept"] is False
    assert filed.sentences == ("The record is consistent.", "NOT everybody kept the rules: hospital-3 broke them.")
    assert '<p class="verdict good">The record is consistent.</p><p class="verdict bad">NOT everybody' in page
    broke = table(filed, "refusals", "Who broke the rules")["rows"]
    assert [row[0] for row in broke] == ["round 1", "round 2"]
    assert broke[0][1] == {"text": "hospital-3", "tone": "bad"}
    assert broke[0][2] == {"text": "its proof of training does not hold", "tone": "bad"}


def test_who_took_part_in_each_round(filed):
    found = table(filed, "part", "Hospitals by round")
    assert found["titles"] == ["round", "hospital-0", "hospital-1", "hospital-2", "hospital-3"]
    summed, refused = {"text": "in the sum", "tone": "good"}, {"text": "proof refused", "tone": "bad"}
    assert found["rows"] == [[number, summed, summed, summed, refused] for number in ("1", "2")]
    verifiers = table(filed, "part", "Verifiers")["rows"]
    assert verifiers == [["verifier-0", "10", {"text": "2", "tone": "bad"}, "2"]]


def test_it_says_who_when_and_with_which_data(filed, run):
    members = {row[0]: row[1:] for row in table(filed, "members", "Members")["rows"]}
    assert members["hospital-0"] == ["hospital", HOSTILE, "dpo@one.example", "Dr. A. Ärztin"]
    assert members["hospital-1"][1] == {"text": "not recorded", "tone": "weak"}
    opened = facts(filed, "dates")["The ledger was opened"]
    assert opened["basis"] == "signed, not proved" and opened["where"] == "entry 0"
    assert opened["lines"][0].startswith("2026-05-28 20:2")
    sheets = [facts(filed, "records")[name] for name in run[1].hospitals]
    assert [sheet["basis"] for sheet in sheets] == ["not recorded", "signed, not proved", *["not recorded"] * 2]
    assert sheets[1]["lines"] == list(SHEET)
    rows = table(filed, "records", "Records of each hospital")["rows"]
    assert [row[:3] for row in rows][:2] == [["hospital-0", "8", "yes"], ["hospital-1", "9", "yes"]]
    assert facts(filed, "glance")["Last model"]["lines"] == [run[1].model.hex()]
    software = table(filed, "software", "Software of the members")
    assert {row[0] for row in software["rows"]} == set(run[1].keys) and software["titles"][1] == "proofward"


def test_laws_are_answered_from_the_record_or_not_at_all(filed):
    purposes, legal = facts(filed, "ai-act"), facts(filed, "gdpr")
    assert purposes["1 (a) Intended purpose"]["lines"] == ["To find sepsis earlier.", "<b>bold</b>"]
    assert purposes["1 (a) Intended purpose"]["basis"] == "signed, not proved"
    assert purposes["5 Risk management (article 9)"] == {
        "term": "5 Risk management (article 9)", "lines": ["not recorded"], "basis": "not recorded", "where": "",
    }  # fmt: skip
    assert legal["(b) Purposes"]["lines"] == purposes["1 (a) Intended purpose"]["lines"]
    assert legal["(f) Time limits for erasure"]["basis"] == "not recorded"
    checked = facts(filed, "hipaa")["164.312 (b) Mechanisms that examine activity"]
    assert checked["lines"][0].endswith("the record is consistent; 2 broken rules are named")
    assert facts(filed, "fda")["Re-training"]["lines"][1].startswith("A round trains")
    assert facts(filed, "promises")["Differential privacy"]["lines"] == ["none: sums are exact"]


def test_weak_rules_are_called_weak(filed):
    first = blocks(filed, "promises")[0]
    assert first["tone"] == "bad" and first["lines"][0].startswith("These rules demand 40 bits only")


def test_figures_beside_the_ledger_are_no_evidence(run, tmp_path):
    folder, history = run
    shutil.copytree(folder, tmp_path / "run" / "ledger")
    claims = {"consortium": history.rules.digest.hex(), "auc": {"<i>": 0.9, "b": 7, "c": "x"}, "accuracy": [],
              "auc_by_round": {"proofward": [0.5, 0.9], "b": [0.5, "x"]}}  # fmt: skip
    metrics = tmp_path / "run" / "metrics.json"
    metrics.write_text(json.dumps(claims))
    found = file_report(tmp_path / "run", tmp_path / "a.html", proofs=FakeProofs())
    figures = table(found, "quality", "Figures beside the ledger")
    assert figures["rows"] == [["<i>", "0.900", ""]] and figures["basis"] == "no evidence"
    assert [block["basis"] for block in blocks(found, "quality") if block["kind"] == "picture"] == ["no evidence"]
    for other in ({**claims, "consortium": "00"}, [], "x"):
        metrics.write_text(json.dumps(other))
        found = file_report(tmp_path / "run", tmp_path / "a.html", proofs=FakeProofs())
        assert [block["kind"] for block in blocks(found, "quality")] == ["words"]
    assert found.document["consistent"] is False, "the model's files are missing"
    assert table(found, "refusals", "Flaws of the record")["rows"][0][1] == {"text": "file", "tone": "bad"}


def test_a_ledger_that_cannot_be_followed_has_no_report(tmp_path):
    from proofward.dossier.record.evidence import NoReport

    (tmp_path / "ledger.db").write_bytes(b"x")
    with pytest.raises(NoReport):
        file_report(tmp_path, tmp_path / "report.html", proofs=FakeProofs())
    assert not (tmp_path / "report.html").exists()


def test_the_words_for_who_is_missing(run):
    history = run[1]
    everybody = history.rules.hospitals
    state = RoundState(9, 0, b"", everybody, b"")
    assert part(history, [state], everybody[0]) == "open"
    state.aggregate = history.closed[0].aggregate
    assert part(history, [state], "stranger") == "not enrolled"
    assert part(history, [state], everybody[0]) == "no keys"
    state.present = everybody
    assert part(history, [state], everybody[0]) == "no upload"
    state.uploads = history.closed[0].uploads
    assert part(history, [state], everybody[0]) == "too few verdicts"
    state.passed = history.closed[0].passed
    assert part(history, [state], everybody[0]) == "not ready"
    state.withdrawn = (everybody[1],)
    again = RoundState(9, 1, b"", everybody[:1], b"", aggregate=state.aggregate)
    assert part(history, [state, again], everybody[1]) == "no consent"
    state.withdrawn = ()
    assert part(history, [state, again], everybody[1]) == "left out"
    assert {"open", "no keys", "no upload", "left out", "not ready"} <= MEANINGS.keys()


def test_charts_say_in_words_what_they_show():
    lines = [Line("<a>", [0.0, 3.0]), Line("b" * 50, [1.0, 2.0, 2500.5], first=0)]
    svg = chart("key", "A & B", lines, "units")
    assert "A &amp; B" in svg and "&lt;a&gt;" in svg and "<a>" not in svg and ">2,000</text>" in svg
    assert in_words(lines[1:], "units").endswith("1 in round 0, 2,500 in round 2 (units).")
    flat = chart("flat", "flat", [Line("n", [3, 3, 3])], "hospitals")
    assert [flat.count(f">{n}</text>") for n in (0, 1, 2, 3)] == [1, 2, 2, 2]
    assert "NaN" not in chart("nothing", "nothing", [Line("n", [0.0])], "x")
    many = chart("many", "many", [Line("n", [float(n) for n in range(10_000)])], "x")
    assert len(many) < 10_000


def test_labels_stand_once_where_all_lines_have_the_same():
    rows = (fact("a", 1), fact("b", 2), fact("c", "x", Basis.SIGNED), fact("d", None), fact("e", ()))
    assert [row.basis for row in rows[3:]] == [Basis.MISSING, Basis.MISSING]
    made = html_page(Paper("t", "m", (), (Section("s", "s", (Facts("facts", rows),)),)))
    assert made.count("computed again") == 1 and made.count("signed, not proved") == 1


def test_nobody_needs_more_than_the_ledger(run):
    assert all(verdict.passed for verdict in Auditor(run[0], FakeProofs()).run())


def test_figures_of_counts_on_the_ledger_are_shown_as_signed_words(run):
    layout = ScoreLayout(2, 10, 1)
    scores, labels = np.linspace(0.05, 0.95, 40), np.arange(40) // 20
    counts = counts_of_probabilities(layout, np.stack([1 - scores, scores], axis=1), labels)
    rounds, length = (1, 2), layout.length
    of_scores = Counting("evaluation", layout.to_text(), length, 20, rounds, groups=layout.groups)
    of_ages = Counting("ages", "decades", 12, 20, (3,))
    counted = [CountedSum(number, of_scores, ("a", "b", "c"), counts, bytes(32)) for number in rounds]
    counted.append(CountedSum(3, of_ages, ("a", "b", "c"), np.zeros(12, np.int64), bytes(32)))
    empty = CountedSum(4, of_scores, ("a",), np.zeros(length, np.int64), bytes(32))
    found = Evidence(None, run[1], Chronicle(), counted=(*counted, empty))
    words, evaluated, picture, groups, roc, calibrated, confusion, others = counted_figures(found)
    blocks = (evaluated, picture, groups, roc, calibrated, confusion, others)
    assert words.tone == "weak" and [one.basis for one in blocks] == [Basis.SIGNED] * 7
    assert "1: 0 at 0 % false positives, 1 at 100 % false positives" in roc.svg
    assert [row[2] for row in calibrated.rows] == ["0.000"] * 5 + ["1.000"] * 5
    assert sum(int(row[1]) for row in calibrated.rows) == 40
    assert confusion.rows == [("0", "20", "0"), ("1", "0", "20")]
    assert [row[:4] for row in evaluated.rows] == [(n, "evaluation", "3", "40") for n in ("1", "2")]
    assert evaluated.rows[0][4:6] == ("100.0%", "1.000") and "evaluation</text>" in picture.svg
    assert groups.rows[0][0] == "all records" and others.rows == [("3", "ages", "3", "12")]
    assert counted_figures(Evidence(None, run[1], Chronicle())) == []
