"""An operator's wish that the federation end early, as files that a verifier's process picks up.

HOME/members/NAME/requests/end-after-the-round, end-at-once   {"at_once": ..., "reason": ...}

See `requests`: a request stays, and asking for the same thing again changes nothing.
"""

from __future__ import annotations

import json
from pathlib import Path

from proofward.engines.remote.agreement.requests import MAX_REASON, REQUESTS
from proofward.ledger.files import make_directory, write_file

_NAMES = {False: "end-after-the-round", True: "end-at-once"}
_MAX_BYTES = 1 << 13


def request_end(folder: Path, reason: str, at_once: bool) -> bool:
    """Writes a request into a member's folder, durably; False when the same was asked for before."""
    if not 1 <= len(reason) <= MAX_REASON:
        raise ValueError(f"reason: expected 1 to {MAX_REASON} characters, found {len(reason)}")
    requests = folder / REQUESTS
    make_directory(requests)
    requests.chmod(0o700)
    path = requests / _NAMES[at_once]
    if _read(path, at_once) is not None:
        return False
    data = (json.dumps({"at_once": at_once, "reason": reason}) + "\n").encode()
    write_file(path, data, requests / f".{path.name}.tmp", mode=0o600)
    return True


def pending_ends(folder: Path) -> list[tuple[str, bool]]:
    """Reason, and whether at once, of every request in a folder; never raises for what lies there."""
    found = ((_read(folder / REQUESTS / name, at_once), at_once) for at_once, name in _NAMES.items())
    return [(reason, at_once) for reason, at_once in found if reason is not None]


def _read(path: Path, at_once: bool) -> str | None:
    try:
        if path.stat().st_size > _MAX_BYTES:
            return None
        plain = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(plain, dict) or plain.get("at_once") is not at_once:
        return None
    reason = plain.get("reason")
    return reason if isinstance(reason, str) and 1 <= len(reason) <= MAX_REASON else None
