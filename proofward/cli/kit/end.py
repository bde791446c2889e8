"""`proofward end`: a verifier asks that the federation end before all rounds."""

from __future__ import annotations

from pathlib import Path

import click

from proofward.cli.common.answering import (
    JSON,
    KIT,
    REASON,
    Refused,
    answering,
    choose,
    opened,
    standing,
    tell,
)


@click.command()
@KIT
@REASON
@click.option("--at-once", is_flag=True, help="Do not wait until the open round is closed: its work is lost.")
@click.option("--as", "voter", metavar="NAME", help="Which verifier of this site asks, if there are several.")
@click.option("--yes", is_flag=True, help="Do not ask whether it is meant.")
@JSON
def end(kit: Path, reason: str, at_once: bool, voter: str | None, yes: bool, as_json: bool) -> None:
    """Ask, in the name of a verifier of KIT, that the federation end before all its rounds.

    It ends once as many verifiers ask as accept a proof: after the open round, or at once where that round
    can never be closed or so many ask for it. The ledger is sealed, can be audited, and everybody keeps the
    model of the last closed round. A vote cannot be taken back. The site's process sends it when it works
    next.
    """
    from proofward.engines.remote.agreement.end_requests import request_end
    from proofward.federation.messages.consortium.rules import VERIFIER

    with answering(as_json):
        home = opened(kit)
        may = [seat for seat in home.seats if seat.role == VERIFIER]
        asking = choose(may, voter, "is a verifier, and may ask for an end", "--as").member
        rules = home.rules
        if rules is None:
            raise Refused("not everybody has joined yet: a federation that has not begun needs no end")
        closed, rounds = len(standing(home, asking, rules).closed), rules.rounds
        when = "at once" if at_once else "after the open round"
        words = f"{closed} of {rounds} rounds are closed; {asking} asks that the federation end {when}"
        if not yes and (as_json or not click.confirm(f"{words}. Is that meant?", err=True)):
            raise Refused(f"{words}; --yes asks without a question")
        new = request_end(home.member(asking), reason, at_once)
        line = f"{asking} asks that the federation end {when}, which needs {rules.accepting_verdicts} "
        line += "verifiers in all; the site's process sends it when it works next"
        if not new:
            line = f"{asking} has asked for this before: nothing was changed"
        plain = {"did": "asked" if new else "nothing", "by": asking, "at_once": at_once}
        tell({**plain, "closed": closed, "rounds": rounds}, [line], as_json)
