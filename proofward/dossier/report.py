"""The report of a run: an audit, made into a paper, and the paper made into HTML, PDF or plain values."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import proofward
from proofward.dossier.parts.paper import (
    Block,
    Cell,
    Fact,
    Facts,
    Grid,
    Listing,
    Mark,
    Paper,
    Picture,
    Words,
    cell_text,
    plain,
)
from proofward.dossier.record.evidence import Evidence
from proofward.dossier.sections import course, digests, findings, laws, people, promises, quality

FORMAT = "proofward/report/v1"
SECTIONS = (
    people.glance,
    findings.refusals,
    people.members,
    people.dates,
    people.purposes,
    people.records,
    course.agreed,
    course.rounds,
    course.taking_part,
    quality.quality,
    promises.promises,
    promises.not_shown,
    digests.digests,
    digests.software,
    laws.ai_act,
    laws.gdpr,
    laws.hipaa,
    laws.fda,
    findings.checked,
)


def paper_of(found: Evidence, sentences: tuple[str, str], now: datetime | None = None) -> Paper:
    """The paper; sentences: the audit's, on the record and on the rules. now: when it is made."""
    when = (now or datetime.now(UTC)).strftime("%Y-%m-%d %H:%M UTC")
    made = f"Made on {when} by ProofWard {proofward.__version__} from the ledger alone, with no secret."
    summary = found.summary
    answers = ((sentences[0], summary.consistent), (sentences[1], summary.rules_kept))
    title = found.history.rules.federation
    return Paper(title, made, answers, tuple(make(found) for make in SECTIONS))


def to_plain(paper: Paper) -> dict[str, Any]:
    """Plain values for JSON: the same texts, with what each rests on."""
    return {
        "format": FORMAT,
        "title": plain(paper.title),
        "made": paper.made,
        "consistent": paper.sentences[0][1],
        "rules_kept": paper.sentences[1][1],
        "sentences": [sentence for sentence, _ in paper.sentences],
        "sections": [
            {
                "key": section.key,
                "title": section.title,
                "blocks": [_block(block) for block in section.blocks],
            }
            for section in paper.sections
        ],
    }


def _block(block: Block) -> dict[str, Any]:
    if isinstance(block, Facts):
        return {"kind": "facts", "caption": plain(block.caption), "facts": [_fact(row) for row in block.rows]}
    if isinstance(block, Grid):
        rows = [[_cell(cell) for cell in row] for row in block.rows]
        titles = list(map(plain, block.titles))
        told = {"caption": plain(block.caption), "titles": titles, "rows": rows, "note": block.note}
        return {"kind": "table", **told, "basis": block.basis.value}
    if isinstance(block, Picture):
        return {"kind": "picture", "caption": block.caption, "basis": block.basis.value, "svg": block.svg}
    if isinstance(block, Listing):
        return {"kind": "list", "lines": list(block.sentences)}
    assert isinstance(block, Words)
    return {"kind": "words", "tone": block.tone, "lines": list(block.paragraphs)}


def _fact(row: Fact) -> dict[str, Any]:
    lines = [plain(line) for line in row.lines]
    return {"term": plain(row.term), "lines": lines, "basis": row.basis.value, "where": row.where}


def _cell(cell: Cell) -> str | dict[str, str]:
    if isinstance(cell, Mark) and cell.tone:
        return {"text": plain(cell.text), "tone": cell.tone}
    return plain(cell_text(cell))
