"""How a hospital of a site follows the ledger: every entry, or heads that verifiers sign, as it has chosen.

HOME/members/NAME/follow   "heads" in the first line; "witness URL VKEY" in each other one

Without the file it follows everything. Witnesses are asked how large the ledger is when nothing newer comes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from proofward.engines.remote.agreement.home import HomeError
from proofward.engines.remote.agreement.terms import Terms
from proofward.federation.messages.consortium.scaling import EVERYTHING, HEADS
from proofward.ledger.errors import LedgerError
from proofward.ledger.files import write_file
from proofward.ledger.reading import NotReadable, read_regular
from proofward.witness.asking import Asked
from proofward.witness.cosignature import Cosigner

FILE, MAX_BYTES = "follow", 1 << 14
UNCLEAR = "does not say how the hospital follows: delete it, and choose with `proofward join KIT --follow`"


@dataclass(frozen=True)
class Following:
    """heads: whether these alone are followed. witnesses: who is asked what they have seen."""

    heads: bool = False
    witnesses: tuple[Asked, ...] = ()

    @property
    def lines(self) -> list[str]:
        """What the file holds."""
        return [HEADS, *(f"witness {one.url} {one.cosigner}" for one in self.witnesses)]


def kept(folder: Path) -> Following:
    """What is chosen in a member's folder; raises HomeError for a file that says something else."""
    path = folder / FILE
    if not path.exists():
        return Following()
    try:
        first, *others = read_regular(path, MAX_BYTES).decode("utf-8").splitlines()
        given = [line.split(" ") for line in others]
        if first == HEADS and all(what == "witness" for what, *_ in given):
            return Following(True, tuple(witness(url, vkey) for _, url, vkey in given))
    except (NotReadable, ValueError, LedgerError) as error:
        raise HomeError(f"{path} {UNCLEAR}") from error
    raise HomeError(f"{path} {UNCLEAR}")


def keep(folder: Path, following: Following) -> None:
    """Remembers it; the file goes where everything is followed."""
    path = folder / FILE
    if following.heads:
        write_file(path, "\n".join(following.lines).encode(), path.with_name(f".{FILE}.tmp"), mode=0o600)
    else:
        path.unlink(missing_ok=True)


def witness(url: str, vkey: str) -> Asked:
    """A witness by address and key; raises ValueError, LedgerError."""
    return Asked(url, Cosigner.parse(vkey))


def why_not(terms: Terms) -> str:
    """Why no hospital can follow heads under these terms, and what to do; "" where each may."""
    if not terms.scaling.heads:
        return (
            f"nobody signs heads under these terms; follow everything (--follow {EVERYTHING}), or have the "
            f'coordinator found the consortium with follow = "{HEADS}" in consortium.toml'
        )
    if terms.drawn is None or not terms.drawn.holders:
        return (
            "under these terms every hospital holds shares of all keys, and who holds shares has to read "
            f"every entry; follow everything (--follow {EVERYTHING}), or have the coordinator found the "
            "consortium with [committees] in consortium.toml"
        )
    return ""
