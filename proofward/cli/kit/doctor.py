"""`proofward doctor`: what may stop a site from working, and what to do about it."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path

import click

from proofward.cli.common.console import FLAW, OK, make_console, print_json
from proofward.cli.kit.start import KIT

STYLES = {"ok": "green", "warning": "yellow", "problem": "red"}


@click.command()
@KIT
@click.option("--passphrase-file", type=click.Path(path_type=Path, exists=True, dir_okay=False),
              help="File with the passphrase of the protocol keys.")  # fmt: skip
@click.option("--offline", is_flag=True, help="Connect to nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def doctor(kit: Path, passphrase_file: Path | None, offline: bool, as_json: bool) -> None:
    """Check the start-up kit KIT, this machine and the connection to the server.

    Ports, certificates, clock, versions, permissions, keys, disk and memory. Exit code 1 when there is a
    problem; warnings do not count.
    """
    from proofward.cli.common.engine import engine_for
    from proofward.engines.contract import PROBLEM
    from proofward.engines.remote.agreement.home import PASSPHRASE_VARIABLE

    if passphrase_file is not None:
        os.environ[PASSPHRASE_VARIABLE] = str(passphrase_file.resolve())
    console, found = make_console(as_json), []
    for check in engine_for(kit).checks(kit, offline):
        found.append(check)
        if not as_json:
            console.print(f"{check.outcome:8} {check.name}: {check.detail}", markup=False, soft_wrap=True,
                          style=STYLES[check.outcome])  # fmt: skip
            if check.remedy:
                console.print(f"         -> {check.remedy}", markup=False, soft_wrap=True)
    failed = sum(check.outcome == PROBLEM for check in found)
    if as_json:
        print_json({"problems": failed, "checks": [asdict(check) for check in found]})
    raise SystemExit(FLAW if failed else OK)
