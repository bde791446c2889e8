"""Requests as files in a member's folder: how one is written, found and read.

HOME/members/NAME/requests/KIND...   a JSON object, its name fixed by what is asked for

A request stays: asking for the same thing again changes nothing.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeGuard

from proofward.ledger.files import make_directory, write_file

REQUESTS = "requests"
MAX_REASON = 400
_MAX_BYTES = 1 << 13


def path_of(folder: Path, name: str) -> Path:
    """Where a request of this name lies in a member's folder."""
    return folder / REQUESTS / name


def write_request(path: Path, plain: dict[str, object]) -> None:
    """Writes a request durably, for its owner only."""
    make_directory(path.parent)
    path.parent.chmod(0o700)
    data = (json.dumps(plain) + "\n").encode()
    write_file(path, data, path.parent / f".{path.name}.tmp", mode=0o600)


def found_requests(folder: Path, kind: str) -> list[Path]:
    """What lies among a member's requests under names that begin with the kind; never raises."""
    try:
        return sorted((folder / REQUESTS).glob(f"{kind}*"))
    except OSError:
        return []


def read_request(path: Path) -> dict[str, object]:
    """What is in a file, {} for what is no request: it came from nobody's command."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            return {}
        plain = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return plain if isinstance(plain, dict) else {}


def is_reason(reason: object) -> TypeGuard[str]:
    """Whether something may be recorded as a reason."""
    return isinstance(reason, str) and 1 <= len(reason) <= MAX_REASON


def require_reason(reason: str) -> None:
    """Raises ValueError for what is no reason."""
    if not is_reason(reason):
        raise ValueError(f"reason: expected 1 to {MAX_REASON} characters, found {len(reason)}")
