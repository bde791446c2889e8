"""`proofward status`: how a site stands, from its kit alone."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from proofward.cli.console import FLAW, OK, make_console, print_json
from proofward.cli.fingerprint import groups, lines
from proofward.cli.start import KIT

if TYPE_CHECKING:
    from proofward.engines.remote.overview import MemberView, SiteView


@click.command()
@KIT
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def status(kit: Path, as_json: bool) -> None:
    """Say how the site of the start-up kit KIT stands: process, members, round, what is waited for.

    Reads the kit only, also while the site runs. Exit code 1 when something needs the operator.
    """
    from proofward.engines.flare.supervisor import home_of, running
    from proofward.engines.remote.home import HomeError
    from proofward.engines.remote.overview import look

    try:
        view = look(home_of(kit))
    except HomeError as error:
        raise click.ClickException(str(error)) from error
    pid = running(kit)
    wrong = problems(view)
    if as_json:
        print_json({"process": pid, "problems": wrong, **asdict(view)})
    else:
        show(make_console(), kit, view, pid, wrong)
    raise SystemExit(FLAW if wrong else OK)


def problems(view: SiteView) -> list[str]:
    """What the operator has to do something about."""
    found = []
    for member in view.members:
        if member.halted:
            found.append(f"{member.name} refuses to go on: {member.halted}")
        for what, reason in member.unable.items():
            found.append(f"{member.name} could not do its part ({what.removeprefix('unable/')}): {reason}")
        if member.revoked:
            found.append(f"{member.name} is revoked: it takes part no more")
        if member.key not in ("plain", "encrypted"):
            found.append(f"{member.name} has no usable key ({member.key}): proofward join KIT makes one")
        if member.records is False:
            found.append(f"{member.name} has no records: proofward enrol KIT --data FILE")
    if view.unconfirmed:
        found.append(view.unconfirmed)
    return found


CLOSED, NOT_JOINED = "closed", "not everybody has joined yet"


def show(console: Console, kit: Path, view: SiteView, pid: int | None, wrong: list[str]) -> None:
    """Prints the view."""

    def say(text: str, style: str = "") -> None:
        console.print(text, markup=False, soft_wrap=True, style=style)

    say(f"{view.site}, {view.federation}")
    phases = {member.phase for member in view.members} | {view.ledger.phase if view.ledger else ""}
    over = CLOSED in phases
    if over:
        say("the federation is over; the ledger can be audited")
    say(f"process:     {f'{pid} runs it' if pid else 'none' if over else f'none; proofward start {kit}'}")
    say(f"terms:       {groups(view.terms)}")
    if view.members:
        for number, line in enumerate(lines(view.consortium) if view.consortium else [NOT_JOINED]):
            say(f"{'' if number else 'consortium:':12} {line}")
    else:
        say("coordinator: has no members; the server's and the sites' status say how the rounds go")
    if view.lacking:
        say(f"not joined:  {', '.join(view.lacking)}")
    for member in view.members:
        say(f"{member.role + ':':12} {member.name}: {_words(member)}")
    if view.ledger is not None:
        ledger = view.ledger
        place = f"{ledger.entries} entries, round {ledger.round}, phase {ledger.phase}"
        say(f"ledger:      {place}, {ledger.rounds_closed} of {ledger.rounds} rounds closed")
        if ledger.waits_for:
            say(f"waits for:   {', '.join(ledger.waits_for)}")
        if ledger.incoming_bytes:
            say(f"on the way:  {ledger.incoming_bytes:,} bytes of objects")
        for fault in ledger.faults:
            say(f"fault:       {fault}")
    for line in view.troubles:
        say(f"log:         {line}")
    for line in wrong:
        say(f"TO DO        {line}", "red")


def _words(member: MemberView) -> str:
    parts = [f"{member.key} key"]
    if member.fingerprint:
        parts = [f"{member.key} key {member.fingerprint[:16]}"]
    if member.records is not None:
        parts.append(
            "records enrolled" if member.enrolled else "records here" if member.records else "no records"
        )
    if member.forced:
        parts.append(f"FORCED although {', '.join(member.forced)}")
    parts += [f"asked for {what}" for what in member.asked]
    if member.entries:
        parts.append(f"{member.entries} entries followed, round {member.round}, phase {member.phase}")
    return ", ".join(parts)
