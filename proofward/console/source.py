"""What a console shows: a site's start-up kit, or the folder of a run on one machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from proofward.console.stored import HostedLedger, MemberCopy, StoredEntries
from proofward.engines.contract import ADMIN, Engine, KitError, home_of
from proofward.engines.registry import engine_of
from proofward.engines.remote.agreement.home import LOG, Home, HomeError
from proofward.engines.remote.agreement.terms import Terms
from proofward.engines.run_folder import private_of
from proofward.federation.messages.consortium.rules import Rules
from proofward.ledger.database import FILE_NAME

RUN, KIT = "run", "kit"
METRICS, OWN_REPORT = "metrics.json", Path("report") / "report.json"


class NothingToShow(Exception):
    """The folder is neither a kit nor a run's: what is missing."""


@dataclass(frozen=True)
class Source:
    """engine: of a kit, None for a run. home: of a kit. figures: files that may hold figures by round."""

    folder: Path
    kind: str
    ledger: Path | None
    engine: Engine | None = None
    home: Home | None = None
    figures: tuple[Path, ...] = ()

    @property
    def is_run(self) -> bool:
        """Whether all parties are in one folder."""
        return self.kind == RUN

    @property
    def is_coordinator(self) -> bool:
        """Whether this kit follows no ledger."""
        return self.kind == ADMIN

    @property
    def log(self) -> Path | None:
        """Where the site writes what happens."""
        return None if self.home is None else self.home.root / LOG

    @property
    def terms(self) -> Terms | None:
        """What the kit's site agreed to; raises HomeError."""
        return None if self.home is None else self.home.terms

    @property
    def rules(self) -> Rules | None:
        """The rules that a kit has, None before everybody has joined and for a run; raises HomeError."""
        return None if self.home is None else self.home.rules

    @property
    def name(self) -> str:
        """The site's, or the folder's."""
        if self.home is not None:
            try:
                return self.home.site
            except HomeError:
                return self.folder.name
        return self.folder.name or str(self.folder)

    def own_members(self) -> tuple[str, ...]:
        """Members of this site; none in a run, where all are."""
        try:
            return tuple(seat.member for seat in self.home.seats) if self.home is not None else ()
        except HomeError:
            return ()

    def entries(self) -> list[StoredEntries]:
        """All that may hold the ledger's entries: the host's own log, or the copy of each member here."""
        if self.ledger is not None:
            return [HostedLedger(self.ledger)]
        if self.home is None:
            return []
        return [MemberCopy(self.home.root / "members" / name) for name in self.own_members()]


def open_source(folder: Path) -> Source:
    """What the folder is; raises NothingToShow, KitError. What is damaged within shows on the pages."""
    if any((folder / part).is_dir() for part in ("startup", "proofward")):
        engine, home = engine_of(folder), Home(home_of(folder))
        kind = engine.kind(folder)
        try:
            hosts = home.terms.aggregator.site == home.site
        except HomeError as error:
            raise NothingToShow(str(error)) from error
        ledger = home.root / "ledger" if hosts and kind != ADMIN else None
        return Source(folder, kind, ledger, engine, home)
    for ledger in (folder / "ledger", folder):
        if (ledger / FILE_NAME).exists():
            figures = (folder / METRICS, private_of(folder) / OWN_REPORT)
            return Source(folder, RUN, ledger, figures=figures)
    raise NothingToShow(
        f"{folder} is no start-up kit, which has startup and proofward in it, and no run's folder, "
        f"which has ledger/{FILE_NAME} once the run has begun"
    )


__all__ = ["KIT", "RUN", "KitError", "NothingToShow", "Source", "open_source"]
