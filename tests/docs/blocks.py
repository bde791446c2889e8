"""Fenced blocks of the documents, and what stands in them: commands to be run, commands to be read, data.

A fence of the kind `sh` is run by `test_run.py` or `test_deployment.py`, block after block. One of the kind
`console` is read only, and the line above it says why: `<!-- not run: REASON -->`. All other kinds (DATA) are
no commands.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RUN, READ, DATA = "sh", "console", ("toml", "ini", "yaml", "python", "text")
DOCUMENTS = ("README.md", "docs/deploy.md", "docs/audit.md", "docs/air-gap.md", "docs/models.md",
             "docs/images.md", "docs/python.md", "docs/tables.md", "docs/consortium.md", "docs/evaluation.md",
             "docs/privacy.md", "docs/console.md", "docs/report.md", "docs/chain.md",
             "docs/attestation.md")  # fmt: skip
PAGES = (*DOCUMENTS, "CONTRIBUTING.md", "RELEASING.md", "SECURITY.md", "docs/rounds.md", "docs/protocol.md", "docs/scale.md",
         "docs/glossary.md", "docs/figures.md", "docs/reading.md", "docs/decisions.md")  # fmt: skip
PROGRAM = "proofward"
SEPARATORS = set(";&|()<>")
KEYWORDS = {"do", "then", "else", "until", "while", "if", "!", "exec", "sudo", "time"}
_REASON = re.compile(r"<!-- not run: (?P<reason>.{15,}) -->")


@dataclass(frozen=True)
class Block:
    """A fence of a document. reason: why it is not run, "" where nothing is said."""

    document: str
    heading: str
    line: int
    kind: str
    text: str
    reason: str

    @property
    def place(self) -> str:
        """For a failure's message."""
        return f"{self.document}:{self.line}"


def text_of(document: str) -> str:
    """A document of the project."""
    return (ROOT / document).read_text()


def blocks(document: str, text: str | None = None) -> list[Block]:
    """Its fences, from the first to the last."""
    found: list[Block] = []
    heading, opened, kind, body, above = "", 0, "", [], ""
    for number, line in enumerate((text_of(document) if text is None else text).splitlines(), 1):
        if line.startswith("```"):
            if opened:
                said = _REASON.fullmatch(above.strip())
                reason = said["reason"] if said else ""
                found.append(Block(document, heading, opened, kind, "\n".join(body) + "\n", reason))
                opened, body, above = 0, [], ""
            else:
                opened, kind = number, line[3:].strip()
            continue
        if opened:
            body.append(line)
            continue
        if line.startswith("#"):
            heading = line.lstrip("#").strip()
        above = line
    assert not opened, f"{document}:{opened}: a fence that does not end"
    return found


def inline(document: str) -> list[tuple[int, str]]:
    """(line, text) of the code within its prose and tables."""
    found, fenced = [], False
    for number, line in enumerate(text_of(document).splitlines(), 1):
        if line.startswith("```"):
            fenced = not fenced
        elif not fenced:
            found += [(number, words) for words in re.findall(r"`([^`]+)`", line)]
    return found


def words_of(text: str) -> list[str]:
    """The words of a shell's text, separators apart, comments left out."""
    joined = text.replace("\\\n", " ")
    lexer = shlex.shlex(joined.replace("\n", " ; "), posix=True, punctuation_chars=True)
    lexer.commenters = ""
    lexer.whitespace_split = True
    return list(lexer)


def without_comments(text: str) -> str:
    """The text without `# ...` at the ends of its lines."""
    return "\n".join(re.sub(r"(^|\s)#.*$", "", line) for line in text.splitlines())


def segments(text: str) -> list[list[str]]:
    """Simple commands: words between separators, without the shell's words and variables before them."""
    found: list[list[str]] = [[]]
    for word in words_of(without_comments(text)):
        if set(word) <= SEPARATORS:
            found.append([])
        elif found[-1] or not (word in KEYWORDS or re.fullmatch(r"\w+=.*", word)):
            found[-1].append(word)
    return [words for words in found if words]


def calls(text: str) -> list[list[str]]:
    """The words behind `proofward`, also where a container runs it."""
    return [words for _, words in contained(text)] + [
        words[1:] for words in segments(text) if words[0] == PROGRAM or words[0].endswith("/" + PROGRAM)
    ]


def contained(text: str) -> list[tuple[str, list[str]]]:
    """(service or image, words behind `proofward`) of the containers that a text runs."""
    found = []
    for words in segments(text):
        if words[:2] == ["docker", "run"]:
            at = next(number for number, word in enumerate(words) if re.fullmatch(r"proofward:\S+", word))
            found.append((words[at], words[at + 1 :]))
        elif words[:3] in (["docker", "compose", "run"], ["docker", "compose", "exec"]):
            at = 3
            while words[at].startswith("-"):
                at += 2 if words[at] == "-v" else 1
            rest = words[at + 1 :]
            found.append((words[at], rest[1:] if words[2] == "exec" else rest))
    return found
