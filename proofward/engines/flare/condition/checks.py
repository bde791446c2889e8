"""What may stop a site from working, looked at before it does: what was found, and what to do about it."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from proofward.engines.contract import CLIENT, GOOD, PROBLEM, SERVER, WARNING, Check, KitError, home_of
from proofward.engines.flare.condition import machine_checks as machine
from proofward.engines.flare.condition.certificate import certificate_check
from proofward.engines.flare.condition.reaching import handshake
from proofward.engines.flare.condition.running import running
from proofward.engines.flare.kits.addresses import addresses_of, server_of
from proofward.engines.flare.kits.files import REMEDY, damage
from proofward.engines.flare.kits.isolation import code_in
from proofward.engines.flare.kits.kit import kind_of, require_free
from proofward.engines.flare.kits.proxy import proxies_for
from proofward.engines.flare.kits.proxy import shown as shown_proxies
from proofward.engines.operations.suggestions import Placeholder, command, quoted
from proofward.engines.remote.agreement import following
from proofward.engines.remote.agreement.addresses import shown
from proofward.engines.remote.agreement.home import (
    KEY,
    NEXT_KEY,
    SEED,
    Home,
    HomeError,
    passphrase_from_environment,
)
from proofward.engines.remote.agreement.names import fault_of_name
from proofward.engines.remote.agreement.site_ledger import told
from proofward.federation.messages.consortium.rules import HOSPITAL
from proofward.ledger.errors import KeyFileInvalid
from proofward.ledger.key_file import is_encrypted
from proofward.ledger.keys import SigningKey

ELSEWHERE = ("key of ", "randomness", "records of ")
"""Keys and the seed of comparisons have sentences of their own in `start`, and records may come later."""
TO_JOIN = ("kit", "site name", "folder", "certificate", "code", "disk")


def examine(kit: Path, offline: bool = False) -> Iterator[Check]:
    """All checks of a kit; never raises for what it finds. offline: nothing is connected to."""
    try:
        kind, home = kind_of(kit), Home(home_of(kit))
        if damaged := damage(kit):
            yield Check("kit", PROBLEM, ", ".join(damaged), REMEDY)
            return
        terms, addresses = home.terms, addresses_of(kit)
    except (KitError, HomeError) as error:
        yield Check("kit", PROBLEM, str(error), "ask the coordinator for the start-up kit again")
        return
    yield Check("kit", GOOD, f"{kind}, site {home.site}, {terms.federation}")
    if kind == CLIENT and (fault := fault_of_name(home.site)):
        yield Check("site name", PROBLEM, fault, "let the coordinator make kits with another name")
    if home.repeatable:
        remedy = "delete it and the keys, join again, and ask the coordinator why it was there"
        yield Check("randomness", PROBLEM, f"{home.root / SEED} makes all keys and secrets known", remedy)
    yield from machine.versions()
    yield machine.writable([folder for folder in (kit, kit / "local", home.root) if folder.is_dir()])
    yield from _permissions(kit)
    yield from _code(kit)
    yield _certificate(kit, home.site)
    yield from _keys(home)
    yield machine.clock()
    yield machine.disk(kit, terms, kind)
    yield machine.memory(terms, home)
    yield machine.limits()
    if kind != SERVER:
        yield from _proxies(addresses)
    if offline:
        return
    port = server_of(kit)[1]
    yield from [_listening(kit, port)] if kind == SERVER else _connections(kit, addresses, port)


def require_possible(kit: Path, names: tuple[str, ...] = ()) -> None:
    """KitError, a line each, for what makes the kit's work impossible as it stands; connects to nothing.

    names: only these checks; without names all but ELSEWHERE.
    """
    found = [
        f"{check.name}: {check.detail}; {check.remedy}"
        for check in examine(kit, offline=True)
        if check.outcome == PROBLEM
        and (check.name in names if names else not check.name.startswith(ELSEWHERE))
    ]
    if found:
        raise KitError("\n".join(found))


def _code(kit: Path) -> Iterator[Check]:
    if found := code_in(kit):
        detail = f"{found} holds code that FLARE would run, and ProofWard has none there"
        yield Check("code", PROBLEM, detail, "remove it, and ask where it came from")


def _permissions(kit: Path) -> Iterator[Check]:
    secret = [kit, kit / "startup", home_of(kit), *(kit / "startup").glob("*.key")]
    secret += [
        path
        for path in home_of(kit).rglob("*")
        if path.name in (KEY, NEXT_KEY, "state.sqlite", "dataset.npz")
    ]
    loose = [str(path) for path in secret if path.exists() and path.stat().st_mode & 0o077]
    remedy = f"chmod -R go-rwx {quoted(kit)}" if loose else ""
    yield Check("permissions", PROBLEM if loose else GOOD, ", ".join(loose) or "owner only", remedy)


def _certificate(kit: Path, site: str) -> Check:
    renew = "ask the coordinator for a new one, which `proofward certificates renew` makes, and put it in "
    renew += f"with `{command('certificates', 'install', kit, Placeholder('FILE'))}`"
    return certificate_check(kit, site, datetime.now(UTC), renew)


def _keys(home: Home) -> Iterator[Check]:
    enrols = not home.terms.check().counts_only
    for seat in home.seats:
        yield _key(home, seat.member)
        if seat.role == HOSPITAL and (found := _following(home, seat.member)) is not None:
            yield found
        if seat.role == HOSPITAL and enrols:
            yield _records(home, seat.member)
            for words in told(home.terms, [seat.member]):
                remedy = "their budgets add up: ask your data protection officer before the next one"
                yield Check(f"privacy of {seat.member}", WARNING, words, remedy)


def _following(home: Home, member: str) -> Check | None:
    """What a hospital has chosen that does not follow everything."""
    name, remedy = f"following of {member}", command("join", home.root.parent, "--follow", "everything")
    try:
        if not following.kept(home.root / "members" / member).heads:
            return None
    except HomeError as error:
        return Check(name, PROBLEM, str(error), remedy)
    if why := following.why_not(home.terms):
        return Check(name, PROBLEM, f"heads, and {why}", remedy)
    return Check(name, GOOD, "heads, which verifiers sign")


def _records(home: Home, member: str) -> Check:
    name = f"records of {member}"
    if not home.has_dataset(member):
        return Check(name, PROBLEM, "none", command("enrol", home.root.parent, "--data", Placeholder("FILE")))
    if forced := home.forced(member):
        remedy = "make sure that they are right before they are enrolled: nothing changes them afterwards"
        return Check(name, WARNING, f"forced although {', '.join(forced)}", remedy)
    return Check(name, GOOD, "here")


def _key(home: Home, member: str) -> Check:
    path, name = home.root / "members" / member / KEY, f"key of {member}"
    if not path.exists():
        return Check(name, PROBLEM, "missing", command("join", home.root.parent))
    try:
        encrypted = is_encrypted(path)
        if encrypted and passphrase_from_environment() is None:
            return Check(name, WARNING, "encrypted; not opened", "give --passphrase-file to open it here")
        SigningKey.load(path, passphrase_from_environment())
        return Check(name, GOOD, "encrypted" if encrypted else "not encrypted")
    except (KeyFileInvalid, HomeError) as error:
        return Check(name, PROBLEM, str(error), "use the passphrase given at `proofward join`")


def _proxies(addresses: Sequence[str]) -> Iterator[Check]:
    for host in addresses:
        if found := proxies_for(host, os.environ):
            remedy = f"`proofward start` wants to know: --proxy URL, --proxy none, or {host} in no_proxy"
            yield Check("proxies", WARNING, shown_proxies(found), remedy)
            return


def _connections(kit: Path, addresses: Sequence[str], port: int) -> list[Check]:
    """Of each address; where one answers, the others are no problem."""
    if len(addresses) == 1:
        return list(_connection(kit, addresses[0], port, ""))
    found = [list(_connection(kit, host, port, f" {host}")) for host in addresses]
    if any(checks[-1].outcome == GOOD for checks in found):
        found = [
            [replace(check, outcome=WARNING) if check.outcome == PROBLEM else check for check in checks]
            for checks in found
        ]
    return [check for checks in found for check in checks]


def _connection(kit: Path, host: str, port: int, suffix: str) -> Iterator[Check]:
    """Whether the name resolves and the server answers there; `suffix` ends the checks' names."""
    try:
        address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][4][0]
    except OSError as error:
        remedy = f"let DNS or /etc/hosts resolve {host}"
        yield Check(f"name{suffix}", PROBLEM, f"{host}: {error.strerror}", remedy)
        return
    if address != host:
        yield Check(f"name{suffix}", GOOD, f"{host} is {address}")
    name, place = f"connection{suffix}", shown(host, port)
    try:
        if version := handshake(kit, host, port):
            yield Check(name, GOOD, f"{place}, {version}, both certificates are accepted")
        else:
            remedy = "the server refuses this kit's certificate: is the kit of this consortium?"
            yield Check(name, PROBLEM, f"{place}: closed by the server", remedy)
    except ssl.SSLError as error:
        detail = f"{place}: {error.reason or error}"
        yield Check(name, PROBLEM, detail, "somebody else answers there, or a proxy breaks TLS open")
    except OSError as error:
        remedy = "is the server started? does a firewall allow this connection outwards?"
        yield Check(name, PROBLEM, f"{place}: {error.strerror or error}", remedy)


def _listening(kit: Path, port: int) -> Check:
    if (pid := running(kit)) is not None:
        return Check("port", GOOD, f"{port} belongs to this server, process {pid}")
    try:
        require_free(port)
        return Check("port", GOOD, f"{port} is free")
    except KitError as error:
        remedy = "stop what listens there, or let the coordinator make kits with another port: "
        remedy += "`port` in consortium.toml, or --server NAME:PORT, of `proofward consortium init`"
        return Check("port", PROBLEM, str(error), remedy)
