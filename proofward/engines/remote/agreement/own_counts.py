"""Whether a hospital of a site publishes its own counts of evaluations: only if its operator has said so."""

from __future__ import annotations

from proofward.engines.remote.agreement.home import Home
from proofward.ledger.files import write_file

FLAG = "publishes-counts"
"""A file in the member's folder."""


def publishes_counts(home: Home, member: str) -> bool:
    """Whether it does."""
    return (home.member(member) / FLAG).is_file()


def set_publishes_counts(home: Home, member: str, whether: bool) -> None:
    """Remembers it."""
    folder = home.member(member)
    if whether:
        write_file(folder / FLAG, b"", folder / f".{FLAG}.writing", mode=0o600)
    else:
        (folder / FLAG).unlink(missing_ok=True)
