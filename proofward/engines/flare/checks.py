"""What may stop a site from working, looked at before it does: what was found, and what to do about it."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import resource
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from proofward.engines.flare.kit import SERVER, KitError, kind_of, require_free, server_of
from proofward.engines.flare.supervisor import home_of, running
from proofward.engines.remote.home import KEY, NEXT_KEY, SEED, Home, HomeError, passphrase_from_environment
from proofward.engines.remote.terms import Terms
from proofward.federation.messages.rules import HOSPITAL
from proofward.ledger.errors import KeyFileInvalid
from proofward.ledger.key_file import is_encrypted
from proofward.ledger.keys import SigningKey

GOOD, WARNING, PROBLEM = "ok", "warning", "problem"
FLARE_VERSION = "2.9.0"
WARN_DAYS, TIMEOUT = 30, 5.0
LEAST_FILES = 1024
PROXIES = ("grpc_proxy", "https_proxy", "http_proxy", "no_grpc_proxy", "no_proxy")


@dataclass(frozen=True)
class Check:
    """outcome: ok, warning or problem. remedy: what to do, "" where there is nothing to do."""

    name: str
    outcome: str
    detail: str
    remedy: str = ""


def examine(kit: Path, offline: bool = False) -> Iterator[Check]:
    """All checks of a kit; never raises for what it finds. offline: nothing is connected to."""
    try:
        kind, home = kind_of(kit), Home(home_of(kit))
        terms = home.terms
    except (KitError, HomeError) as error:
        yield Check("kit", PROBLEM, str(error), "ask the coordinator for the start-up kit again")
        return
    yield Check("kit", GOOD, f"{kind}, site {home.site}, {terms.federation}")
    if home.repeatable:
        remedy = "delete it and the keys, join again, and ask the coordinator why it was there"
        yield Check("randomness", PROBLEM, f"{home.root / SEED} makes all keys and secrets known", remedy)
    yield from _versions()
    yield from _permissions(kit)
    yield from _certificate(kit, home.site)
    yield from _keys(home)
    yield _clock()
    yield _disk(kit, terms, kind)
    yield _memory(terms, home)
    yield _limits()
    yield from _proxies()
    if not offline:
        yield from _connection(kit, kind)


def _versions() -> Iterator[Check]:
    version = ".".join(map(str, sys.version_info[:3]))
    fine = sys.version_info >= (3, 11)
    yield Check("python", GOOD if fine else PROBLEM, version, "" if fine else "install Python 3.11 or newer")
    for name in ("numpy", "numba", "cryptography", "nvflare", "prometheus-client"):
        try:
            found = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            optional = name == "prometheus-client"
            remedy = "pip install 'proofward[flare]'"
            yield Check(name, WARNING if optional else PROBLEM, "not installed", remedy)
            continue
        other = name == "nvflare" and found != FLARE_VERSION
        remedy = f"this release was tested with {FLARE_VERSION}: pip install nvflare=={FLARE_VERSION}"
        yield Check(name, WARNING if other else GOOD, found, remedy if other else "")


def _permissions(kit: Path) -> Iterator[Check]:
    secret = [kit, kit / "startup", home_of(kit), *(kit / "startup").glob("*.key")]
    secret += [
        path
        for path in home_of(kit).rglob("*")
        if path.name in (KEY, NEXT_KEY, "state.sqlite", "dataset.npz")
    ]
    loose = [str(path) for path in secret if path.exists() and path.stat().st_mode & 0o077]
    remedy = f"chmod -R go-rwx {kit}" if loose else ""
    yield Check("permissions", PROBLEM if loose else GOOD, ", ".join(loose) or "owner only", remedy)


def _certificate(kit: Path, site: str) -> Iterator[Check]:
    renew = "ask the coordinator for a new certificate (docs/deploy.md, When things change)"
    try:
        name = "server.crt" if (kit / "startup" / "server.crt").exists() else "client.crt"
        certificate = x509.load_pem_x509_certificate((kit / "startup" / name).read_bytes())
        authority = x509.load_pem_x509_certificate((kit / "startup" / "rootCA.pem").read_bytes())
        certificate.verify_directly_issued_by(authority)
    except (OSError, ValueError, TypeError, InvalidSignature) as error:
        yield Check(
            "certificate", PROBLEM, f"not by the kit's authority: {error or type(error).__name__}", renew
        )
        return
    names = [
        str(entry.value) for entry in certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    ]
    now = datetime.datetime.now(datetime.UTC)
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if names != [site]:
        yield Check("certificate", PROBLEM, f"of {names}, not of {site}", renew)
    elif now < begin:
        yield Check(
            "certificate", PROBLEM, f"valid from {begin:%Y-%m-%d %H:%M} UTC", "set this machine's clock"
        )
    elif now > end:
        yield Check("certificate", PROBLEM, f"ended on {end:%Y-%m-%d}", renew)
    else:
        soon = (end - now).days < WARN_DAYS
        yield Check("certificate", WARNING if soon else GOOD, f"until {end:%Y-%m-%d}", renew if soon else "")


def _keys(home: Home) -> Iterator[Check]:
    for seat in home.seats:
        yield _key(home, seat.member)
        if seat.role == HOSPITAL:
            yield _records(home, seat.member)


def _records(home: Home, member: str) -> Check:
    name = f"records of {member}"
    if not home.has_dataset(member):
        return Check(name, PROBLEM, "none", f"proofward enrol {home.root.parent} --data FILE")
    if forced := home.forced(member):
        remedy = "make sure that they are right before they are enrolled: nothing changes them afterwards"
        return Check(name, WARNING, f"forced although {', '.join(forced)}", remedy)
    return Check(name, GOOD, "here")


def _key(home: Home, member: str) -> Check:
    path, name = home.root / "members" / member / KEY, f"key of {member}"
    if not path.exists():
        return Check(name, PROBLEM, "missing", f"proofward join {home.root.parent}")
    try:
        encrypted = is_encrypted(path)
        if encrypted and passphrase_from_environment() is None:
            return Check(name, WARNING, "encrypted; not opened", "give --passphrase-file to open it here")
        SigningKey.load(path, passphrase_from_environment())
        return Check(name, GOOD, "encrypted" if encrypted else "not encrypted")
    except (KeyFileInvalid, HomeError) as error:
        return Check(name, PROBLEM, str(error), "use the passphrase given at `proofward join`")


def _clock() -> Check:
    try:
        done = subprocess.run(
            ["timedatectl", "show", "-p", "NTPSynchronized", "--value"],
            capture_output=True, text=True, timeout=TIMEOUT, check=False,
        )  # fmt: skip
        word = done.stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        word = ""
    if word == "yes":
        return Check("clock", GOOD, "synchronised")
    detail = "not synchronised" if word == "no" else "cannot be told here"
    return Check("clock", WARNING, detail, "make sure that NTP sets this machine's clock")


def disk_needed(terms: Terms, kind: str) -> int:
    """Bytes that a federation takes: at the server every round's objects, at a site those of one round."""
    hospitals, model = len(terms.named(HOSPITAL)), 8 * terms.round_config.model.parameters
    proof = (1 << 20) + model // 16  # 0.5 MB for 1 k parameters, 7.4 MB for 15.7 M: docs/deploy.md
    one = (hospitals + 3) * model + hospitals * (proof + hospitals * (34 << 10))
    return one * terms.rounds if kind == SERVER else 2 * one


def memory_needed(terms: Terms, home: Home) -> int:
    """Bytes of memory that the processes of a site need.

    A site needs 0.5 GB, and one that proves needs 500 bytes more for every parameter. That makes 8 GB for
    15.7 million parameters, measured in benchmarks/large_ciphertexts.py.
    """
    proves = any(seat.role == HOSPITAL for seat in home.seats)
    return (1 << 29) + (500 * terms.round_config.model.parameters if proves else 0)


def _disk(kit: Path, terms: Terms, kind: str) -> Check:
    free, needed = shutil.disk_usage(kit).free, disk_needed(terms, kind)
    detail = f"{free / 1e9:.1f} GB free, about {needed / 1e9:.1f} GB needed"
    return Check(
        "disk", *((GOOD, detail) if free > needed else (PROBLEM, detail, "make room, or move the kit"))
    )


def _memory(terms: Terms, home: Home) -> Check:
    needed = memory_needed(terms, home)
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        free = next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration, ValueError):
        return Check("memory", WARNING, f"unknown; about {needed / 1e9:.1f} GB needed")
    detail = f"{free / 1e9:.1f} GB free, about {needed / 1e9:.1f} GB needed"
    return Check("memory", *((GOOD, detail) if free > needed else (PROBLEM, detail, "use a larger machine")))


def _limits() -> Check:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = soft >= LEAST_FILES or soft == resource.RLIM_INFINITY
    remedy = "" if enough else f"ulimit -n {LEAST_FILES}, or LimitNOFILE of the service"
    return Check("open files", GOOD if enough else WARNING, f"at most {soft}; {os.cpu_count()} cores", remedy)


def _proxies() -> Iterator[Check]:
    found = [f"{name}={os.environ[name]}" for name in PROXIES if os.environ.get(name)]
    if found:
        yield Check(
            "proxies", WARNING, ", ".join(found), "these apply to the connection; unset what should not"
        )


def _connection(kit: Path, kind: str) -> Iterator[Check]:
    host, port = server_of(kit)
    if kind == SERVER:
        yield _listening(kit, port)
        return
    try:
        address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][4][0]
    except OSError as error:
        yield Check("name", PROBLEM, f"{host}: {error.strerror}", f"let DNS or /etc/hosts resolve {host}")
        return
    yield Check("name", GOOD, f"{host} is {address}")
    startup = kit / "startup"
    try:
        context = ssl.create_default_context(cafile=str(startup / "rootCA.pem"))
        context.load_cert_chain(startup / "client.crt", startup / "client.key")
        context.set_alpn_protocols(["h2"])
        plain = socket.create_connection((host, port), timeout=TIMEOUT)
        with context.wrap_socket(plain, server_hostname=host) as peer:
            answered = peer.recv(1)  # the server speaks first, once it has seen this kit's certificate
            detail = f"{host}:{port}, {peer.version()}, both certificates are accepted"
            remedy = "the server refuses this kit's certificate: is the kit of this consortium?"
            yield Check(
                "connection", *((GOOD, detail) if answered else (PROBLEM, "closed by the server", remedy))
            )
    except ssl.SSLError as error:
        detail = f"{host}:{port}: {error.reason or error}"
        yield Check("connection", PROBLEM, detail, "somebody else answers there, or a proxy breaks TLS open")
    except OSError as error:
        remedy = "is the server started? does a firewall allow this connection outwards?"
        yield Check("connection", PROBLEM, f"{host}:{port}: {error.strerror or error}", remedy)


def _listening(kit: Path, port: int) -> Check:
    if (pid := running(kit)) is not None:
        return Check("port", GOOD, f"{port} belongs to this server, process {pid}")
    try:
        require_free(port)
        return Check("port", GOOD, f"{port} is free")
    except KitError as error:
        remedy = "stop what listens there, or let the coordinator run `consortium init` with another --port"
        return Check("port", PROBLEM, str(error), remedy)
