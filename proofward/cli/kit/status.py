"""`proofward status`: how a site stands, from its kit alone."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from proofward.cli.common.console import FLAW, OK, make_console, print_json
from proofward.cli.common.fingerprint import groups, lines
from proofward.cli.kit.start import JOB_OVER, KIT
from proofward.engines.operations.suggestions import command

if TYPE_CHECKING:
    from proofward.engines.contract import Health
    from proofward.engines.remote.views import MemberView


@click.command()
@KIT
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def status(kit: Path, as_json: bool) -> None:
    """Say how the site of the start-up kit KIT stands: process, members, round, what is waited for.

    Reads the kit only, also while the site runs. Exit code 1 when something needs the operator.
    """
    from proofward.engines.contract import KitError
    from proofward.engines.registry import engine_of
    from proofward.engines.remote.agreement.home import HomeError

    try:
        found = engine_of(kit).health(kit)
    except (HomeError, KitError) as error:
        raise click.UsageError(str(error)) from error
    if as_json:
        plain = {"process": found.process, "job_over": found.job_over}
        problems = [asdict(problem) for problem in found.problems]
        print_json({**plain, "problems": problems, **asdict(found.view)})
    else:
        show(make_console(), kit, found)
    raise SystemExit(FLAW if found.problems else OK)


NOT_JOINED = "not everybody has joined yet"


def show(console: Console, kit: Path, found: Health) -> None:
    """Prints how the kit stands."""
    view, pid, over = found.view, found.process, found.over or found.job_over
    ends = {member.end: None for member in view.members} | ({view.ledger.end: None} if view.ledger else {})

    def say(text: str, style: str = "") -> None:
        console.print(text, markup=False, soft_wrap=True, style=style)

    say(f"{view.site}, {view.federation}")
    if found.over:
        say("the federation is over; the ledger can be audited")
    elif over:
        say(JOB_OVER)
    for words in filter(None, ends):
        say(f"end:         {words}")
    begin = f"none; {command('start', kit)}"
    say(f"process:     {f'{pid} runs it' if pid else 'none' if over else begin}")
    say(f"terms:       {groups(view.terms)}")
    if view.members:
        for number, line in enumerate(lines(view.consortium) if view.consortium else [NOT_JOINED]):
            say(f"{'' if number else 'consortium:':12} {line}")
    else:
        say("coordinator: has no members; the server's and the sites' status say how the rounds go")
    if view.privacy:
        say(f"privacy:     {view.privacy}")
    spent = {member.name: member.spent for member in view.members if member.spent}
    for name, words in spent.items():
        say(f"budget:      {name}: {words}")
    if view.ledger is not None and view.ledger.spent and not spent:
        say(f"budget:      {view.ledger.spent}, by the hospital that has spent most")
    if view.lacking:
        say(f"not joined:  {', '.join(view.lacking)}")
    for member in view.members:
        say(f"{member.role + ':':12} {member.name}: {_words(member)}")
    own = [line for member in view.members for line in member.admissions]
    for line in dict.fromkeys((*own, *(view.ledger.admissions if view.ledger else ()))):
        say(f"admission:   {line}")
    if view.ledger is not None:
        ledger = view.ledger
        place = f"{ledger.entries} entries, round {ledger.round}, phase {ledger.phase}"
        say(f"ledger:      {place}, {ledger.rounds_closed} of {ledger.rounds} rounds closed")
        if ledger.waits_for:
            say(f"waits for:   {ledger.awaited}")
        if ledger.incoming_bytes:
            say(f"on the way:  {ledger.incoming_bytes:,} bytes of objects")
        if ledger.admitted:
            say(f"admitted:    {', '.join(ledger.admitted)}, by vote")
        for fault in ledger.faults:
            say(f"fault:       {fault}")
    for line in view.troubles:
        say(f"log:         {line}")
    for problem in found.problems:
        say(f"TO DO        {problem.sentence}", "red")
        if problem.detail:
            say(f"             the reason in the log: {problem.detail}")


def _words(member: MemberView) -> str:
    parts = [f"{member.key} key"]
    if member.fingerprint:
        parts = [f"{member.key} key {member.fingerprint[:16]}"]
    if member.records is not None:
        parts.append(
            "records enrolled" if member.enrolled else "records here" if member.records else "no records"
        )
    if member.outside:
        parts.append("not admitted yet: verifiers have to vote, `proofward admit`")
    if member.forced:
        parts.append(f"FORCED although {', '.join(member.forced)}")
    parts += [member.evidence] if member.evidence else []
    parts += [f"asked for {what}" for what in member.asked]
    parts += [member.heads] if member.heads else []
    if member.entries:
        what = f"round {member.round}, phase {member.phase}"
        parts.append(what if member.heads else f"{member.entries} entries followed, {what}")
    parts += [member.drawn] if member.drawn else []
    return ", ".join(parts)
