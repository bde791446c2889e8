"""`proofward consortium status`: how all of a consortium's kits on this machine stand, in one table."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.table import Table

from proofward.cli.common.answering import JSON
from proofward.cli.common.console import FLAW, OK, make_console, print_json

if TYPE_CHECKING:
    from proofward.engines.contract import Health

LOOKERS = 16


@click.command(name="status")
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))
@JSON
def consortium_status(folder: Path, as_json: bool) -> None:
    """Say how every kit in DIR/kits stands.

    Exit code 1 when something needs somebody. Reads the kits only: one that works on another machine is seen
    there, by `proofward status KIT`. For whom the federation waits is known to the server's kit.
    """
    from proofward.engines.contract import KITS, KitError
    from proofward.engines.registry import engine_of
    from proofward.engines.remote.agreement.home import HomeError

    places = sorted(path for path in (folder / KITS).glob("*") if path.is_dir())
    if not places:
        raise click.UsageError(f"{folder} has no kits: `proofward consortium init` makes them in DIR/{KITS}")

    def look(kit: Path) -> Health | str:
        try:
            return engine_of(kit).health(kit)
        except (HomeError, KitError) as error:
            return str(error)

    with ThreadPoolExecutor(LOOKERS) as pool:
        found = dict(zip((place.name for place in places), pool.map(look, places), strict=True))
    wrong = [(site, line) for site, seen in found.items() for line in _problems(seen)]
    if as_json:
        print_json({"sites": {site: _plain(seen) for site, seen in found.items()}, "problems": len(wrong)})
    else:
        console, table = make_console(), Table("site", "process", "round", "phase", "needs", box=None)
        for site, seen in found.items():
            table.add_row(site, *_row(seen), str(len(_problems(seen)) or ""))
        console.print(table)
        for site, line in wrong:
            console.print(f"TO DO  {site}: {line}", markup=False, soft_wrap=True, style="red")
    raise SystemExit(FLAW if wrong else OK)


def _problems(seen: Health | str) -> list[str]:
    return [seen] if isinstance(seen, str) else [problem.sentence for problem in seen.problems]


def _plain(seen: Health | str) -> dict[str, object]:
    if isinstance(seen, str):
        return {"problems": [seen]}
    problems = [asdict(problem) for problem in seen.problems]
    return {"process": seen.process, "problems": problems, **asdict(seen.view)}


def _row(seen: Health | str) -> tuple[str, str, str]:
    if isinstance(seen, str):
        return "no kit", "", ""
    process = str(seen.process) if seen.process else "over" if seen.over or seen.job_over else "none"
    places = [(member.entries, member.round, member.phase) for member in seen.view.members]
    if seen.view.ledger is not None:
        places.append((seen.view.ledger.entries, seen.view.ledger.round, seen.view.ledger.phase))
    _, number, phase = max(places, default=(0, 0, ""))
    return process, str(number or ""), phase
