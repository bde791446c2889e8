"""The files without which a kit cannot work: whether each is there and is what it should be."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

from proofward.engines.contract import ADMIN, home_of
from proofward.engines.flare.kits.addresses import ADDRESSES, target_of, texts_of
from proofward.engines.flare.kits.kit import DESCRIPTIONS, kind_of
from proofward.engines.remote.agreement.home import SITE, TERMS
from proofward.engines.remote.agreement.terms import Terms
from proofward.federation.messages.consortium.rules import RulesError
from proofward.ledger.reading import NotReadable, read_regular

MAX_BYTES = 1 << 26
REMEDY = "put it back from a copy of the kit, or ask the coordinator for the kit again"
Parser = Callable[[bytes], object]


def _object(data: bytes) -> None:
    if not isinstance(json.loads(data), dict):
        raise ValueError


def _description(data: bytes) -> None:
    host, port = target_of(json.loads(data))
    if not host or not 0 < port < 65536:
        raise ValueError


def _texts(data: bytes) -> None:
    texts_of(json.loads(data))


def _name(data: bytes) -> None:
    if not data.decode().strip():
        raise ValueError


def _needed(kit: Path) -> Iterator[tuple[Path, Parser]]:
    kind = kind_of(kit)
    startup = kit / "startup"
    yield startup / DESCRIPTIONS[kind], _description
    if (startup / ADDRESSES).exists():  # kits of earlier releases have none
        yield startup / ADDRESSES, _texts
    if kind != ADMIN:
        yield kit / "local" / "resources.json.default", _object
    yield home_of(kit) / SITE, _name
    yield home_of(kit) / TERMS, Terms.from_bytes


def fault_of(path: Path, parse: Parser) -> str:
    """What is wrong with a file that `parse` has to take, "" for nothing; `REMEDY` is what to do."""
    try:
        parse(read_regular(path, MAX_BYTES, follow=True))
    except NotReadable as error:
        return f"{path} {'is missing' if error.missing else f'cannot be read: {error.actual}'}"
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError, RulesError):
        return f"{path} is damaged"
    return ""


def damage(kit: Path) -> list[str]:
    """What is wrong with a kit's files, but for its certificates and protocol keys; raises KitError."""
    return [fault for path, parse in _needed(kit) if (fault := fault_of(path, parse))]
