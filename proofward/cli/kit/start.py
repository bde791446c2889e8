"""`proofward start` and `proofward stop`: a kit's process on this machine, in the foreground or detached."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from proofward.cli.common.console import FLAW, OK, KitPath, make_console
from proofward.cli.common.guard import sentence_of
from proofward.engines.operations.suggestions import command

if TYPE_CHECKING:
    from proofward.engines.remote.agreement.home import Home

LOCAL = "127.0.0.1"
START_PATIENCE, STOP_PATIENCE = 60.0, 30.0
KIT = click.argument("kit", type=KitPath())
JOB_OVER = "the server has ended the job for good: `proofward status` of its kit says how all stands"


def address_of(text: str) -> tuple[str, int]:
    """HOST:PORT or PORT; UsageError."""
    host, _, port = text.rpartition(":")
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise click.BadParameter(f"expected HOST:PORT or PORT, found {text}", param_hint="--metrics")
    return host or LOCAL, int(port)


def _address_of(known: Sequence[str], server: str | None) -> str | None:
    """The one of the server's addresses that `--server` names, None for any; raises KitError."""
    from proofward.engines.contract import KitError
    from proofward.engines.remote.agreement.addresses import canonical

    if server is None or canonical(server) in known:
        return None if server is None else canonical(server)
    words = f"--server: {server} is none of the server's names and addresses"
    raise KitError(f"{words}: {', '.join(known)}")


@click.command()
@KIT
@click.option("--detach", is_flag=True, help="Go on in the background; `proofward stop KIT` ends it.")
@click.option("--passphrase-file", type=click.Path(path_type=Path, exists=True, dir_okay=False),
              help="File with the passphrase of the protocol keys.")  # fmt: skip
@click.option("--verification-workers", type=click.IntRange(0, 64), show_default="one a core",
              help="Processes that verify; zero for none of their own.")  # fmt: skip
@click.option("--proving-lock", type=click.Path(path_type=Path, dir_okay=False),
              help="Sites of one machine with the same file prove in turns: for little memory.")  # fmt: skip
@click.option(
    "--repeatable",
    is_flag=True,
    help="UNSAFE, for comparisons: run a site whose keys and randomness come from a known seed.",
)
@click.option("--unconfirmed", is_flag=True,
              help="UNSAFE, for trials: do not wait for `proofward confirm`.")  # fmt: skip
@click.option("--metrics", metavar="[HOST:]PORT", show_default=f"HOST {LOCAL}, none without PORT",
              help="Serve Prometheus metrics.")  # fmt: skip
@click.option(
    "--proxy",
    metavar="URL",
    help="HTTP proxy (CONNECT) for the outgoing connection, http://HOST:PORT, or none; needed where the "
    "environment names one.",
)
@click.option("--server", metavar="HOST", show_default="the first that answers",
              help="Which of the server's names and addresses to connect to.")  # fmt: skip
def start(
    kit: Path,
    detach: bool,
    passphrase_file: Path | None,
    verification_workers: int | None,
    proving_lock: Path | None,
    repeatable: bool,
    unconfirmed: bool,
    metrics: str | None,
    proxy: str | None,
    server: str | None,
) -> None:
    """Run the site of the start-up kit KIT: a server, a hospital or verifier, or the coordinator.

    It is started again when it dies, and goes on where it was. SIGTERM or Ctrl-C ends it.
    """
    console = make_console()
    if detach:
        _detach(kit)
        return
    stop_event = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):  # before anything that takes time
        signal.signal(number, lambda *_: stop_event.set())
    from proofward.cli.common.answering import Refused
    from proofward.cli.common.engine import engine_for
    from proofward.engines.contract import ADMIN, AlreadyRunning, GaveUp, KitError, WrongProxy, home_of
    from proofward.engines.operations.event_log import EventLog
    from proofward.engines.operations.watch import watched
    from proofward.engines.remote.agreement.home import PASSPHRASE_VARIABLE, Home, HomeError
    from proofward.engines.remote.proving import TURNS_VARIABLE, WORKERS_VARIABLE
    from proofward.ledger.errors import KeyFileInvalid

    engine, environment = engine_for(kit), dict[str, str]()
    try:
        kind = engine.kind(kit)
        engine.require_possible(kit)
        home, log = Home(home_of(kit)), EventLog(home_of(kit) / "log.jsonl")
        if unconfirmed:
            home.confirm(None)
        if passphrase_file is not None:
            environment[PASSPHRASE_VARIABLE] = str(passphrase_file.resolve())
        if verification_workers is not None:
            environment[WORKERS_VARIABLE] = str(verification_workers)
        if proving_lock is not None:
            proving_lock.touch(0o600)
            environment[TURNS_VARIABLE] = str(proving_lock.resolve())
        chosen = _address_of(engine.addresses(kit), server)
        environment.update(engine.environment(kit, proxy, chosen))
        with engine.claimed(kit) as tell, _served(metrics, home.root / "log.jsonl"):
            if kind != ADMIN:
                _require_keys(kit, home, passphrase_file, repeatable)
            with watched(kit, engine.health, log.note):
                finished = engine.run(
                    kit, stop_event, note=log.note, environment=environment, ready=tell, address=chosen
                )
            if kind == ADMIN:
                console.print(JOB_OVER if finished else "stopped")
    except WrongProxy as error:
        raise click.UsageError(str(error)) from error
    except (KitError, HomeError, AlreadyRunning, GaveUp, KeyFileInvalid, Refused, OSError) as error:
        words = sentence_of(error) if isinstance(error, OSError) else str(error)
        console.print(f"{kit}: {words}", markup=False, soft_wrap=True)
        raise SystemExit(FLAW) from error
    raise SystemExit(OK)


def _require_keys(kit: Path, home: Home, passphrase_file: Path | None, repeatable: bool) -> None:
    """The keys of the site's members have to be there and to open; raises what `start` reports."""
    from proofward.cli.common.answering import passphrase_of
    from proofward.engines.remote.agreement.home import KEY, SEED, HomeError
    from proofward.ledger.errors import KeyFileInvalid

    if home.repeatable and not repeatable:
        raise HomeError(
            f"{SEED} makes this site's keys and randomness known to whoever wrote it: delete the file "
            "and the keys, or, for a comparison without real data, give --repeatable"
        )
    passphrase = passphrase_of(passphrase_file)
    for seat in home.seats:
        if not (home.root / "members" / seat.member / KEY).exists():
            raise HomeError(f"{seat.member} has no key: {command('join', kit)}")
        try:
            home.key(seat.member, passphrase)
        except KeyFileInvalid as error:
            path = home.member(seat.member) / KEY
            raise HomeError(f"{path}: {error}; put it back from a copy of the kit") from error


@contextmanager
def _served(metrics: str | None, log: Path) -> Iterator[None]:
    if metrics is None:
        yield
        return
    from proofward.engines.operations.metrics import MetricsUnavailable, serve

    host, port = address_of(metrics)
    try:
        served = serve(log, port, host)
    except MetricsUnavailable as error:
        raise click.UsageError(str(error)) from error
    except OSError as error:
        raise OSError(f"--metrics {metrics}: {error.strerror}") from error
    try:
        yield
    finally:
        served.close()


def _detach(kit: Path) -> None:
    """Starts the same command in the background, and waits until it runs the kit or has ended."""
    from proofward.cli.common.engine import engine_for
    from proofward.engines.contract import home_of
    from proofward.engines.operations.isolation import interpreter, isolated

    running = engine_for(kit).running
    arguments = [argument for argument in sys.argv[1:] if argument != "--detach"]
    path, environment = home_of(kit) / "start.log", isolated(os.environ, kit)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror}; is {kit} a start-up kit?") from error
    with os.fdopen(descriptor, "ab") as output:
        start = os.fstat(descriptor).st_size
        process = subprocess.Popen(
            interpreter("-m", "proofward", *arguments),
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment, start_new_session=True,
        )  # fmt: skip
    until = time.monotonic() + START_PATIENCE
    while time.monotonic() < until and process.poll() is None and running(kit) != process.pid:
        time.sleep(0.1)
    if process.poll() is not None:
        said = path.read_bytes()[start:].decode(errors="replace").strip().splitlines()
        click.echo("\n".join(said[-10:]) or "it ended at once", err=True)
        raise SystemExit(process.returncode or OK)
    click.echo(f"process {process.pid} runs {kit}; `{command('status', kit)}` shows how it goes")


@click.command()
@KIT
def stop(kit: Path) -> None:
    """End the process that runs KIT; what it did is on disk, and `proofward start` goes on."""
    from proofward.cli.common.engine import engine_for

    running = engine_for(kit).running
    pid = running(kit)
    if pid is None:
        click.echo(f"nothing runs {kit}")
        raise SystemExit(OK)
    os.kill(pid, signal.SIGTERM)
    until = time.monotonic() + STOP_PATIENCE
    while time.monotonic() < until:
        if running(kit) is None:
            click.echo(f"process {pid} has ended")
            raise SystemExit(OK)
        time.sleep(0.1)
    click.echo(f"process {pid} has not ended within {STOP_PATIENCE:.0f} s", err=True)
    raise SystemExit(FLAW)
