"""Ledgers and proof files of earlier protocols: recognised by their rules' format, and not read further.

Nothing of them is supported by halves: whoever has one is told which release reads it.
"""

from __future__ import annotations

from proofward.encoding import MalformedMessage, decode_item
from proofward.encoding.cbor import Item

PROTOCOL = 2
RELEASES = {"proofward/rules/v1": (1, "0.1.0")}
"""Protocol and last release by the format that the rules name."""


def advice(format_of_rules: object) -> str | None:
    """One sentence about an earlier protocol and the release that reads it; None for any other format."""
    if not isinstance(format_of_rules, str) or format_of_rules not in RELEASES:
        return None
    protocol, release = RELEASES[format_of_rules]
    return f"protocol {protocol}, which needs version {protocol} of ProofWard: use release {release}"


def advice_on_rules(rules: object) -> str | None:
    """`advice` for the canonical bytes of a consortium's rules."""
    return advice(_field(rules, "format"))


def advice_on_entry(entry: bytes) -> str | None:
    """`advice` for the first entry of a ledger, whatever else its envelope says."""
    return advice_on_rules(_field(_field(entry, "body"), "rules"))


def advice_on_proof_file(data: bytes) -> str | None:
    """`advice` for a proof file."""
    return advice_on_rules(_field(data, "rules", len(data)))


def _field(data: object, name: str, most: int = 1 << 24) -> Item:
    if not isinstance(data, bytes):
        return None
    try:
        item = decode_item(data, most)
    except MalformedMessage:
        return None
    return item.get(name) if isinstance(item, dict) else None
