"""The files without which a kit cannot work: whether each is there and is what it should be."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from proofward.engines.flare.kits.addresses import ADDRESSES
from proofward.engines.flare.kits.kit import ADMIN, DESCRIPTIONS, SERVER, kind_of
from proofward.engines.remote.agreement.home import SITE, TERMS
from proofward.engines.remote.agreement.terms import Terms
from proofward.federation.messages.rules import RulesError
from proofward.ledger.reading import NotReadable, read_regular

MAX_BYTES = 1 << 26
REMEDY = "put it back from a copy of the kit, or ask the coordinator for the kit again"
Parser = Callable[[bytes], object]


def _object(data: bytes) -> None:
    if not isinstance(json.loads(data), dict):
        raise ValueError


def _description(data: bytes) -> None:
    found = json.loads(data)
    if "admin" in found:
        _ = str(found["admin"]["host"]), int(found["admin"]["port"])
        return
    host, _, port = str(found["servers"][0]["service"]["target"]).rpartition(":")
    if not host or not 0 < int(port) < 65536:
        raise ValueError


def _texts(data: bytes) -> None:
    found = json.loads(data)
    if not isinstance(found, list) or not found or not all(isinstance(entry, str) for entry in found):
        raise ValueError


def _name(data: bytes) -> None:
    if not data.decode().strip():
        raise ValueError


def _private_key(data: bytes) -> None:
    load_pem_private_key(data, None)


def _needed(kit: Path) -> Iterator[tuple[Path, Parser]]:
    kind = kind_of(kit)
    startup, own = kit / "startup", "server" if kind == SERVER else "client"
    yield startup / DESCRIPTIONS[kind], _description
    if (startup / ADDRESSES).exists():  # kits of earlier releases have none
        yield startup / ADDRESSES, _texts
    yield startup / "rootCA.pem", x509.load_pem_x509_certificate
    yield startup / f"{own}.crt", x509.load_pem_x509_certificate
    yield startup / f"{own}.key", _private_key
    if kind != ADMIN:
        yield kit / "local" / "resources.json.default", _object
    yield kit / "proofward" / SITE, _name
    yield kit / "proofward" / TERMS, Terms.from_bytes


def damage(kit: Path) -> list[str]:
    """What is wrong with a kit's files, a sentence each, of which `REMEDY` is the end; raises KitError."""
    found = []
    for path, parse in _needed(kit):
        try:
            parse(read_regular(path, MAX_BYTES, follow=True))
        except NotReadable as error:
            found.append(f"{path} {'is missing' if not path.exists() else f'cannot be read: {error.actual}'}")
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError, RulesError):
            found.append(f"{path} is damaged")
    return found
