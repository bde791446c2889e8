"""Sections with digests to compare, a picture of them for a telephone, and the software of everybody."""

from __future__ import annotations

from io import BytesIO

from proofward.dossier.parts.paper import (
    Basis,
    Block,
    Cell,
    Fact,
    Facts,
    Grid,
    Mark,
    Picture,
    Section,
    Words,
    fact,
)
from proofward.dossier.record.evidence import Evidence

NO_QR = "There is no QR code: it needs the extra `report` (pip install 'proofward[report]')."


def digests(found: Evidence) -> Section:
    """What identifies the federation, its ledger and its model."""
    history = found.history
    enrolment = history.closed[0].beacon.hex() if history.closed else None
    rows = (
        fact("Consortium", history.rules.digest.hex(), where="SHA-256 of the rules"),
        fact("Ledger", f"{history.size} entries, root {history.root.hex()}", where="RFC 9162 Merkle tree"),
        fact("First model", history.closed[0].model.hex() if history.closed else None),
        fact("Last model", history.model.hex() if history.closed else None),
        fact("Beacon of the first round", enrolment),
        *_anchor(found),
    )
    blocks: list[Block] = [Facts("Digests", rows)]
    text = f"proofward report\nconsortium {history.rules.digest.hex()}"
    text += f"\nledger {history.size} {history.root.hex()}"
    text += f"\nmodel {history.model.hex()}" if history.closed else ""
    svg = qr(text)
    caption = "Digests of consortium, ledger and last model, as a QR code to compare with another's."
    blocks.append(Words((NO_QR,)) if svg is None else Picture(svg, caption, Basis.CHECKED))
    models: list[tuple[Cell, ...]] = [
        (str(state.number), Mark(state.aggregate.record.model.hex(), code=True))
        for state in history.closed[:240]
        if state.aggregate is not None
    ]
    if models:
        blocks.append(Grid("Models by round", ("round", "SHA-256 of the model's integers"), models))
    return Section("digests", "Digests", tuple(blocks))


def _anchor(found: Evidence) -> tuple[Fact, ...]:
    """What a chain holds of the ledger, by the proof beside it; nothing where the rules name no chain."""
    if (terms := found.history.rules.chain) is None:
        return ()
    told = [entry for entry in found.summary.verdicts if entry.check == "anchor"]
    compared = [
        entry.detail or f"NOT the anchored ledger: {entry.refusal}"
        for entry in told
        if entry.subject == "the ledger"
    ]
    return (fact("Anchor", tuple(compared) or (f"{terms.words}; not compared",)),)


def qr(text: str) -> str | None:
    """A QR code as SVG; None where the library is not installed."""
    try:
        import segno
    except ImportError:
        return None
    file = BytesIO()
    code = segno.make(text, error="m", micro=False)
    name, words = "QR code of the digests", text.replace("\n", ", ")
    look = {"xmldecl": False, "nl": False, "omitsize": True, "svgclass": "qr", "lineclass": None}
    code.save(file, kind="svg", title=name, desc=words, **look)
    return file.getvalue().decode().replace("<svg ", f'<svg role="img" aria-label="{name}" ', 1)


def software(found: Evidence) -> Section:
    """What everybody says to run, and what made this report."""
    said = found.chronicle.software
    keys = list(dict.fromkeys(line.split(" ")[0] for _, lines in said.values() for line in lines))[:16]
    rows: list[tuple[Cell, ...]] = []
    for name in sorted(found.history.keys):
        lines = dict(line.split(" ", 1) for line in said[name][1] if " " in line) if name in said else {}
        rows.append((name, *(_version(key, lines.get(key)) for key in keys)))
    blocks: list[Block] = []
    if keys:
        note = "Each member says it once, in its first message. Sources: a digest of the package's files."
        blocks.append(Grid("Software of the members", ("member", *keys), rows, Basis.SIGNED, note))
    else:
        blocks.append(Words(("Which software the members ran is not recorded.",), "weak"))
    sources = {line for _, lines in said.values() for line in lines if line.startswith("source ")}
    if len(sources) > 1:
        blocks.append(Words(("Not all members say to have run the same sources.",), "weak"))
    elif sources:
        own = [line for line in found.own if line.startswith("source ")]
        same = "the same as" if sources == set(own) else "others than"
        blocks.append(Words((f"All say to have run the same sources, {same} those that made this report.",)))
    own_lines = [line.split(" ", 1) for line in found.own]
    made = tuple(fact(name, version) for name, version in own_lines)
    blocks.append(Facts("Software that made this report", made))
    return Section("software", "Software", tuple(blocks))


def _version(key: str, value: str | None) -> Cell:
    if value is None:
        return Mark("not recorded", "weak")
    return Mark(value.removeprefix("sha256:")[:16], code=True) if key == "source" else value
