"""The catalogue as the tables of the documents.

`python -m proofward.catalogue.tables` writes them anew between the marks that name them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from proofward.catalogue.audits import CHECKS, DEEDS, OTHERWISE, PROOFS
from proofward.catalogue.problems import PROBLEMS
from proofward.catalogue.refusals import REFUSALS


def audit_checks() -> Iterator[str]:
    """What an audit counts, and what each shows."""
    yield "| check | about | what it shows |"
    yield "| --- | --- | --- |"
    for name, (about, shows) in CHECKS.items():
        yield f"| `{name}` | {about} | {shows} |"


def deeds() -> Iterator[str]:
    """What a failed check proves of whom it accuses."""
    yield "| check | what is said of whom it accuses |"
    yield "| --- | --- |"
    for name, words in (*PROOFS.items(), *DEEDS.items()):
        yield f"| `{name}` | {words} |"
    yield f"| any other | {OTHERWISE} |"


def problems() -> Iterator[str]:
    """What needs an operator."""
    yield "| problem | what has happened |"
    yield "| --- | --- |"
    for name, words in PROBLEMS.items():
        yield f"| `{name}` | {words} |"


def refusals() -> Iterator[str]:
    """What is checked of everything that comes from outside."""
    yield "| check | what it demands |"
    yield "| --- | --- |"
    for name, words in REFUSALS.items():
        yield f"| `{name}` | {words} |"


TABLES: dict[str, tuple[str, Callable[[], Iterator[str]]]] = {
    "checks of an audit": ("audit.md", audit_checks),
    "deeds": ("audit.md", deeds),
    "problems": ("deploy.md", problems),
    "refusals": ("checks.md", refusals),
}
"""By the mark before a table: the document below docs/, and the lines."""


def with_table(text: str, name: str) -> str:
    """A document's text with the table of this name as the catalogue has it; raises ValueError."""
    mark = f"<!-- made from proofward/catalogue: {name} -->\n"
    if text.count(mark) != 1:
        raise ValueError(f"expected the line {mark.strip()} once, found it {text.count(mark)} times")
    lines = "".join(f"{line}\n" for line in TABLES[name][1]())
    return re.sub(rf"{re.escape(mark)}(\|.*\n)*", lambda _: mark + lines, text)


def main(folder: Path) -> None:
    """Writes all tables of the documents in a folder."""
    for name, (document, _) in TABLES.items():
        path = folder / document
        path.write_text(with_table(path.read_text(), name))


if __name__ == "__main__":
    main(Path(__file__).resolve().parents[2] / "docs")
