"""What a kit's operator has to do something about, read off the kit alone and within seconds.

Every kind of problem has a name and a sentence in `catalogue.PROBLEMS`. `status` prints what it finds. The
process that runs the kit writes a line of the log when a problem begins and when it ends (`watch`), and the
metrics come from there.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from proofward.engines.contract import ADMIN, CLIENT, GOOD, Health, KitError, Problem, home_of
from proofward.engines.flare.condition import deaths as kept
from proofward.engines.flare.condition.certificate import certificate_check
from proofward.engines.flare.condition.last_words import last_words
from proofward.engines.flare.condition.running import RUN_NAME, running
from proofward.engines.flare.kits.addresses import addresses_of, server_of
from proofward.engines.flare.kits.kit import kind_of
from proofward.engines.operations.log_tail import Recent, recent
from proofward.engines.operations.suggestions import command
from proofward.engines.remote.agreement.addresses import shown
from proofward.engines.remote.agreement.home import STOPPED, Home
from proofward.engines.remote.hosting.light_phases import phases_until_next
from proofward.engines.remote.overview import look
from proofward.engines.remote.views import MemberView, SiteView
from proofward.federation.history.steps.attestation import NONE_SHOWN
from proofward.federation.messages.consortium.rules import AGGREGATOR
from proofward.federation.storage.ratchet import REMEDY_COPY

REACHING, CONNECT, LEAST_CONNECT, QUIET = 60.0, 3.0, 0.75, 5.0
"""Seconds that a process is given to find the server, for all attempts to connect, at least for each of them,
without news before one."""
MOST_WORDS = 2000
MANY_DEATHS, MANY_JOBS = 3, 2
SEAL = "the verifiers can end and seal it: proofward end KIT"


def health(kit: Path, now: datetime | None = None) -> Health:
    """Everything that is wrong with a kit; raises HomeError or KitError when it is none."""
    now = now or datetime.now(UTC)
    kind, home = kind_of(kit), Home(home_of(kit))
    found = Health(running(kit), look(home.root))
    seen = recent(home.root / "log.jsonl")
    problems = [*_members(found.view), *_broken(found, seen), *_certificate(kit, home.site, now)]
    if not found.over:
        problems += [*_process(kit, found), *_jobs(kit, seen)]
        problems += _progress(home, found, seen, now)
        if kind == CLIENT and found.process is not None:
            problems += _connection(kit, found, seen, now)
        if kind == ADMIN and found.process is not None and seen.connected is False:
            words = "the coordinator's process does not reach the server, and tries again"
            problems.append(Problem("unreachable", found.view.site, words, last_words(kit)))
    return Health(found.process, found.view, tuple(problems), seen.job_over)


def _members(view: SiteView) -> list[Problem]:
    found = []
    for member in view.members:
        name = member.name
        if member.halted:
            found.append(Problem("halted", name, f"{name} refuses to go on: {member.halted}"))
        for what, reason in member.unable.items():
            part = what.removeprefix("unable/")
            found.append(Problem("unable", name, f"{name} could not do its part ({part}): {reason}"))
        if member.ended:
            words = f"{name}: no round can be finished any more: {member.ended}; {SEAL}"
            found.append(Problem("ended", name, words))
        if member.revoked:
            found.append(Problem("revoked", name, f"{name} is revoked: it takes part no more"))
        if member.key not in ("plain", "encrypted"):
            words = f"{name} has no usable key ({member.key}): proofward join KIT makes one"
            found.append(Problem("no-key", name, words))
        if member.records is False:
            words = f"{name} has no records: proofward enrol KIT --data FILE, or count for an outside model"
            found.append(Problem("no-records", name, words))
        if member.hindered:
            found.append(Problem("no-evidence", name, _evidence_needed(member)))
    if view.ledger is not None and view.ledger.ended:
        words = f"the federation cannot go on: {view.ledger.ended}; {SEAL}"
        found.append(Problem("ended", view.site, words))
    if view.unconfirmed:
        found.append(Problem("unconfirmed", view.site, view.unconfirmed))
    return found


def _broken(found: Health, seen: Recent) -> list[Problem]:
    """Members that do not start from their states, while the process runs."""
    problems = []
    for name, check in sorted(seen.broken.items()):
        if found.process is not None:
            problems.append(Problem("halted", name, f"{name} does not start ({check}): {REMEDY_COPY}"))
    return problems


def _evidence_needed(member: MemberView) -> str:
    collect = "proofward attest collect KIT"
    if member.hindered == NONE_SHOWN:
        return f"{member.name} has shown no evidence of its machine, which the rules require: {collect}"
    words = f"{member.name}'s evidence of its machine does not count: {member.hindered}"
    if member.role == AGGREGATOR:
        return words
    return f"{words}; with a new key it can show other: proofward rotate-key KIT, then {collect}"


def _certificate(kit: Path, site: str, now: datetime) -> list[Problem]:
    renew = "the coordinator renews it: proofward certificates renew"
    found = certificate_check(kit, site, now, renew)
    if found.outcome == GOOD:
        return []
    return [Problem("certificate", site, f"the TLS certificate: {found.detail}; {found.remedy}")]


def _process(kit: Path, found: Health) -> list[Problem]:
    site, deaths = found.view.site, kept.recorded(home_of(kit))
    if deaths is not None and deaths.gave_up:
        words = f"the engine's process died {deaths.count} times within seconds and is not started any more; "
        return [
            Problem("gave-up", site, f"{words}mend the reason, then {command('start', kit)}", deaths.reason)
        ]
    problems = []
    if found.process is None and (home_of(kit) / RUN_NAME).exists():
        words = f"the process that ran the kit has died: {command('start', kit)} goes on where it was"
        problems.append(Problem("not-running", site, words))
    if deaths is not None and deaths.count >= MANY_DEATHS:
        words = f"the engine's process has died {deaths.count} times in a row, and is started again"
        problems.append(Problem("died", site, words, deaths.reason))
    return problems


def _jobs(kit: Path, seen: Recent) -> list[Problem]:
    """Jobs that ended in an exception since the last entry of the ledger or the last job that ran."""
    if seen.failed_jobs < MANY_JOBS:
        return []
    words = f"{seen.failed_jobs} jobs in a row have ended in an error: see the server's and the sites' status"
    return [Problem("job-failed", kit.name, words, last_words(kit))]


def _progress(home: Home, found: Health, seen: Recent, now: datetime) -> list[Problem]:
    """Nobody records anything for longer than the deadline, and for whom it waits."""
    ledger, problems = found.view.ledger, []
    deadline = home.terms.deadline
    stopped = _stopped(home) or seen.stopped
    if stopped and ledger is not None:
        words = f"the federation has stopped for good, and too few verifiers are left to end it: {stopped}"
        problems.append(Problem("halted", found.view.site, words))
    if ledger is not None and ledger.entries and seen.recorded is not None and not (stopped or ledger.ended):
        waited = (now - seen.recorded).total_seconds()
        if waited > deadline:
            whom = ledger.awaited or "nobody that is known"
            words = f"nothing has been recorded for {_minutes(waited)} in phase {ledger.phase}; "
            words += f"the federation waits for {whom}"
            problems.append(Problem("standstill", found.view.site, words))
    for member in found.view.members if ledger is None else ():
        waited = now.timestamp() - member.followed
        if member.name in seen.broken:
            continue
        if member.heads and found.process is not None and not member.halted:
            problems += _withheld(member, waited, deadline)
        elif found.process is not None and member.entries and not member.halted and waited > deadline:
            whom = member.awaited or "nobody that is known"
            words = f"{member.name} has heard of nothing new for {_minutes(waited)}, in phase "
            words += f"{member.phase}; the federation waits for {whom}"
            problems.append(Problem("standstill", member.name, words))
    if ledger is None and seen.refused and found.process is not None:
        words = f"the server refuses what this site sends: {seen.refused}"
        if seen.refused.startswith("clock"):
            words += "; this machine's clock and the server's are too far apart: set both, best by NTP"
        problems.append(Problem("refused", found.view.site, words))
    return problems


def _withheld(member: MemberView, waited: float, deadline: float) -> list[Problem]:
    """A hospital that follows heads cannot tell a federation that stands still from heads withheld."""
    if not member.entries:
        return []
    if not member.withheld and waited <= phases_until_next(member.phase) * deadline:
        return []
    words = f"{member.name} has been shown no newer head for {_minutes(waited)}, in phase "
    words += f"{member.phase} of round {member.round}"
    words += f" ({member.withheld})" if member.withheld else ""
    words += "; either the federation waits for others, or the server withholds: ask another site for its "
    words += "`proofward status`, or follow everything: proofward join KIT --follow everything"
    return [Problem("heads-withheld", member.name, words)]


def _minutes(seconds: float) -> str:
    count = round(seconds / 60)
    return f"{count} minutes" if count > 1 else "one minute" if count else "less than a minute"


def _stopped(home: Home) -> str:
    """Why the host has stopped for good, from the mark that it left; "" while it has not."""
    try:
        return (home.root / STOPPED).read_text(encoding="utf-8", errors="replace")[:MOST_WORDS]
    except OSError:
        return ""


def _connection(kit: Path, found: Health, seen: Recent, now: datetime) -> list[Problem]:
    """A site whose process runs, and that does not reach the server or has heard of no job since."""
    assert found.process is not None
    try:
        since = datetime.fromisoformat(json.loads((home_of(kit) / RUN_NAME).read_text())["since"])
        servers, port = addresses_of(kit), server_of(kit)[1]
    except (OSError, ValueError, KeyError, TypeError, KitError):
        return [Problem("kit", kit.name, f"{kit}: its description cannot be read; restore the kit")]
    site = found.view.site
    if seen.started is not None and seen.started > since:
        heard = max((member.followed for member in found.view.members), default=0.0)
        if now.timestamp() - max(heard, seen.started.timestamp()) < QUIET:
            return []
        lost = "connection lost" if seen.connected is False else ""
        if reason := _unreached(servers, port, found.process, lost):
            words = f"the server does not answer: {reason}; "
            return [Problem("unreachable", site, words + "the site goes on by itself once it does")]
        return []
    if (now - since).total_seconds() < REACHING:
        return []
    minutes = (now - since).total_seconds() / 60
    if reason := _unreached(servers, port, found.process, ""):
        words = f"the server has not been reached for {minutes:.0f} minutes: {reason}"
        return [Problem("unreachable", site, words, last_words(kit))]
    words = f"the server answers, but no job has come for {minutes:.0f} minutes: does the coordinator run?"
    return [Problem("no-job", site, words, last_words(kit))]


def _unreached(servers: Sequence[str], port: int, process: int, behind_proxy: str) -> str:
    """Why the server cannot be connected to under any of its addresses, "" if it can.

    behind_proxy: the answer for a process that connects through a proxy, which says nothing by itself.
    """
    with suppress(OSError):
        words = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
        given = [words[at + 1] for at, word in enumerate(words[:-1]) if word == b"--proxy"]
        given += [word[8:] for word in words if word.startswith(b"--proxy=")]
        if given and given[-1] != b"none":
            return behind_proxy
    failures, patience = [], max(CONNECT / len(servers), LEAST_CONNECT)
    for host in servers:
        try:
            with socket.create_connection((host, port), patience):
                return ""
        except OSError as error:
            failures.append(f"{shown(host, port)}: {error.strerror or error}")
    return ", ".join(failures)
