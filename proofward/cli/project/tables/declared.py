"""[declared] of consortium.toml: what the consortium says of itself, for the record. All of it is optional.

[declared] has texts, and a table for each site, [declared.site.NAME], with who it is in law; that of the
server is [declared.site.aggregator].
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from proofward.cli.project.tables.table import ProjectError, Table
from proofward.encoding import MalformedMessage, encode
from proofward.engines.remote.agreement.terms import Seat
from proofward.federation.messages.basics.texts import TextRefused, text_lines
from proofward.federation.messages.consortium.declarations import MAX_DECLARATIONS, Declarations, LegalMember
from proofward.federation.messages.consortium.rules import AGGREGATOR
from proofward.models.keys import Json, Key, Keys, Text

WHERE = "declared."


@dataclass(frozen=True)
class BySite:
    """A table for each site, by its name."""

    keys: Keys

    def schema(self) -> Json:
        """See Kind."""
        return {"type": "object", "additionalProperties": self.keys.schema()}


LEGAL_KEYS = Keys((
    Key("legal_name", Text(), "who the site is in law", ""),
    Key("contact", Text(), "how to reach it", ""),
    Key("responsible", Text(), "the person responsible there", ""),
))  # fmt: skip
WORDS = Keys((
    Key("purpose", Text(), "what the federation is for", ""),
    Key("intended_use", Text(), "what its model is for", ""),
    Key("legal_basis", Text(), "on which law it rests", ""),
    Key("inclusion_criteria", Text(), "whose records are enrolled", ""),
    Key("retention", Text(), "how long what is kept", ""),
))  # fmt: skip
TEXTS, LEGAL = WORDS.names, LEGAL_KEYS.names
SITES = Key("site", BySite(LEGAL_KEYS), "who sites are in law; `aggregator` is the server")
DECLARED = Keys((*WORDS.keys, SITES))


@dataclass(frozen=True)
class Declared:
    """texts: in lines, in the order of TEXTS. sites: (name, legal name, contact, person responsible)."""

    texts: tuple[tuple[str, ...], ...] = ((),) * len(TEXTS)
    sites: tuple[tuple[str, str, str, str], ...] = ()

    def of(self, seats: Sequence[Seat]) -> Declarations:
        """As the rules have it; a site's words are those of all its members. Raises ProjectError."""
        known = {name: tuple(words) for name, *words in self.sites}
        sites = {AGGREGATOR if seat.role == AGGREGATOR else seat.site for seat in seats}
        for name in known:
            if name not in sites:
                raise ProjectError(f"{WHERE}site.{name}", f"one of {', '.join(sorted(sites))}", name)
        members = [
            LegalMember(seat.member, *known[site])
            for seat in sorted(seats, key=lambda one: one.member)
            if (site := AGGREGATOR if seat.role == AGGREGATOR else seat.site) in known
        ]
        found = Declarations(**dict(zip(TEXTS, self.texts, strict=True)), members=tuple(members))
        try:
            size = len(encode(found))
        except MalformedMessage as error:
            raise ProjectError("declared", error.expected, error.actual) from error
        if size > MAX_DECLARATIONS:
            raise ProjectError("declared", f"at most {MAX_DECLARATIONS} bytes in all", f"{size}")
        return found


NONE = Declared()


def read_declared(table: Table) -> Declared:
    """Of the whole file's table; raises ProjectError."""
    values = table.table("declared")
    own = Table(values, WHERE, DECLARED)
    texts = tuple(_lines(own, name) for name in TEXTS)
    return Declared(texts, tuple(_site(name, entry) for name, entry in sorted(own.table("site").items())))


def _lines(table: Table, name: str) -> tuple[str, ...]:
    try:
        return text_lines(table.text(name))
    except TextRefused as error:
        raise ProjectError(WHERE + name, "a text that can be shown", str(error)) from error


def _site(name: str, values: Any) -> tuple[str, str, str, str]:
    where = f"{WHERE}site.{name}."
    if not isinstance(values, Mapping):
        raise ProjectError(where.rstrip("."), f"a table with {', '.join(LEGAL)}", repr(values)[:80])
    entry = Table(values, where, LEGAL_KEYS)
    words = []
    for key in LEGAL:
        text = entry.text(key)
        try:
            lines = text_lines(text)
        except TextRefused as error:
            raise ProjectError(where + key, "a text that can be shown", str(error)) from error
        if len(lines) > 1:
            raise ProjectError(where + key, "one line of at most 120 characters", repr(text)[:80])
        words.append("".join(lines))
    return name, words[0], words[1], words[2]


def declared_lines(declared: Declared) -> list[str]:
    """The tables' lines in consortium.toml; none where nothing is declared."""
    if declared == NONE:
        return []
    lines = ["", "[declared]  # the consortium's own words, for the record: in the fingerprint, not proved"]
    for name, text in zip(TEXTS, declared.texts, strict=True):
        lines += [f"{name} = {_quoted(chr(10).join(text))}"] if text else []
    for name, *words in declared.sites:
        lines += ["", f"[declared.site.{name}]"]
        lines += [f"{key} = {_quoted(word)}" for key, word in zip(LEGAL, words, strict=True) if word]
    return lines


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
