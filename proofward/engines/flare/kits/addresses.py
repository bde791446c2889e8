"""Names and IP addresses under which sites reach the server, as FLARE's kits keep them.

A kit lists all of them. FLARE connects to one, which its own description names: `point` writes it there.
FLARE splits a target at its colons, so that an IPv6 address has to be written without any; gRPC, which takes
the target from FLARE, decodes percent signs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, unquote

from proofward.engines.contract import ADMIN, SERVER, KitError
from proofward.engines.flare.kits.kit import DESCRIPTIONS, kind_of
from proofward.engines.remote.agreement.addresses import fault_of_address
from proofward.ledger.files import write_file

ADDRESSES = "server_addresses.json"
Checked = TypeVar("Checked")
_ONE_MACHINE = ("localhost", "127.0.0.1")


def listening_host(addresses: Sequence[str]) -> str:
    """Where FLARE's server listens: 127.0.0.1 for a trial on one machine, else everywhere (FLARE: "0")."""
    return "127.0.0.1" if all(text in _ONE_MACHINE for text in addresses) else "0"


def _written(host: str) -> str:
    """A host as FLARE and gRPC take it."""
    return quote(f"[{host}]", safe="") if ":" in host else host


def _read(text: str) -> str:
    return unquote(text).removeprefix("[").removesuffix("]")


def target_of(found: Any) -> tuple[str, int]:
    """Host and port in FLARE's description of a kit.

    Raises ValueError, LookupError, TypeError or AttributeError where there are none.
    """
    if "admin" in found:
        return _read(str(found["admin"]["host"])), int(found["admin"]["port"])
    host, _, port = str(found["servers"][0]["service"]["target"]).rpartition(":")
    return _read(host), int(port)


def texts_of(found: Any) -> tuple[str, ...]:
    """The entries of a list of texts; raises ValueError for anything else, and for none."""
    if not isinstance(found, list) or not found or not all(isinstance(entry, str) for entry in found):
        raise ValueError("not a list of texts")
    return tuple(found)


def _loaded(path: Path, check: Callable[[Any], Checked]) -> Checked:
    """What `check` makes of the JSON in a kit's file; raises KitError."""
    try:
        return check(json.loads(path.read_bytes()))
    except OSError as error:
        raise KitError(f"{path}: {error.strerror}; ask the coordinator for the kit again") from error
    except (ValueError, RecursionError) as error:
        raise KitError(f"{path} is damaged: ask the coordinator for the kit again") from error


def _object(found: Any) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise ValueError("not an object")
    return found


def description(kit: Path) -> tuple[Path, dict[str, Any]]:
    """FLARE's description of a kit, and where it lies; raises KitError."""
    path = kit / "startup" / DESCRIPTIONS[kind_of(kit)]
    return path, _loaded(path, _object)


def server_of(kit: Path) -> tuple[str, int]:
    """The host and port that the kit connects to; raises KitError."""
    path, found = description(kit)
    try:
        return target_of(found)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise KitError(f"{path} names no server: ask the coordinator for the kit again") from error


def addresses_of(kit: Path) -> tuple[str, ...]:
    """All names and addresses of the server, in the order of preference; raises KitError."""
    path = kit / "startup" / ADDRESSES
    if not path.exists():  # a kit of an earlier release
        return (server_of(kit)[0],)
    found = _loaded(path, texts_of)
    for entry in found:
        if fault := fault_of_address(entry):
            raise KitError(f"{path}: {entry!r} {fault}: ask the coordinator for the kit again")
    return found


def point(kit: Path, host: str) -> None:
    """Lets a kit connect to this host, the server's listen for all of them; raises KitError."""
    path, found = description(kit)
    _, port = server_of(kit)
    if kind_of(kit) == ADMIN:
        found["admin"]["host"] = _written(host)
    else:
        target = listening_host(addresses_of(kit)) if kind_of(kit) == SERVER else _written(host)
        found["servers"][0]["service"]["target"] = f"{target}:{port}"
    data = (json.dumps(found, indent=2) + "\n").encode()
    if data != path.read_bytes():
        write_file(path, data, path.with_suffix(".tmp"), mode=0o600)


def equip(kit: Path, addresses: Sequence[str]) -> None:
    """Writes the server's addresses into a new kit, which connects to the first of them."""
    path = kit / "startup" / ADDRESSES
    write_file(path, (json.dumps(list(addresses)) + "\n").encode(), path.with_suffix(".tmp"), mode=0o600)
    point(kit, addresses[0])
