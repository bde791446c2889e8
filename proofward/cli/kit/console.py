"""`proofward console`: a read-only page on this machine."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import click

from proofward.cli.common.console import OK, make_console
from proofward.cli.common.listening import CannotListen, listening

PORT, ADDRESS = 8700, "127.0.0.1"
MISSING = "the console needs packages that are not installed: pip install 'proofward[console]'"
ENDED = "the console has ended; what it showed goes on without it"


@click.command()
@click.argument("folder", metavar="KIT", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--port", type=click.IntRange(0, 65535), default=PORT, show_default=True,
              help="Where the page is; zero takes a free port.")  # fmt: skip
@click.option("--listen", "address", default=ADDRESS, show_default=True, metavar="ADDRESS",
              help="IP address of this machine on which the page is.")  # fmt: skip
@click.option("--allow-remote", is_flag=True,
              help="Let other machines reach it, unencrypted; goes with --listen.")  # fmt: skip
def console(folder: Path, port: int, address: str, allow_remote: bool) -> None:
    """Serve a read-only page that shows how the start-up kit KIT stands, or the folder of a run.

    Rounds and phases as they go, members, refusals, curves, the ledger with inclusion proofs, what this site
    has sent, findings of `doctor`. Only who has the printed address with its token sees it. Ctrl-C ends it.
    """
    try:
        from proofward.console.web.serve import Served, is_local
    except ImportError as error:
        raise click.UsageError(MISSING) from error
    from proofward.console.source import NothingToShow, open_source
    from proofward.console.state import State
    from proofward.engines.contract import KitError

    _require_meant(address, allow_remote)
    try:
        source = open_source(folder.resolve())
        served = Served(State(source), listening(address, port, "another console"))
    except (NothingToShow, KitError) as error:
        raise click.UsageError(str(error)) from error
    except CannotListen as error:
        raise click.ClickException(str(error)) from error
    screen, stop = make_console(), threading.Event()
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    served.start()
    try:
        screen.print(f"open {served.url}", markup=False, soft_wrap=True)
        if not is_local(address):
            words = "whoever reads the network's traffic sees the token and the pages: they are not encrypted"
            screen.print(words, markup=False, soft_wrap=True)
        screen.print("Ctrl-C ends it", markup=False)
        served.wait(stop.wait)
    finally:
        served.close()
    screen.print(ENDED, markup=False)
    raise SystemExit(OK)


def _require_meant(address: str, allow_remote: bool) -> None:
    """Raises UsageError for an address that is none, is no single one, or that others reach by mistake."""
    import ipaddress

    try:
        found = ipaddress.ip_address(address)
    except ValueError as error:
        words = f"--listen {address}: expected an IP address of this machine, such as {ADDRESS}"
        raise click.UsageError(words) from error
    if found.is_unspecified:
        words = f"--listen {address} is every address: name the one under which the page is to be opened"
        raise click.UsageError(words)
    if not found.is_loopback and not allow_remote:
        raise click.UsageError(
            f"--listen {address} lets other machines reach the page, unencrypted: if that is meant, give "
            "--allow-remote; an SSH tunnel to the port of this machine needs neither"
        )
