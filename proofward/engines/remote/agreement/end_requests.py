"""An operator's wish that the federation end early, as files that a verifier's process picks up.

HOME/members/NAME/requests/end-after-the-round, end-at-once   {"at_once": ..., "reason": ...}

See `request_files`.
"""

from __future__ import annotations

from pathlib import Path

from proofward.engines.remote.agreement.request_files import (
    is_reason,
    path_of,
    read_request,
    require_reason,
    write_request,
)

_NAMES = {False: "end-after-the-round", True: "end-at-once"}


def request_end(folder: Path, reason: str, at_once: bool) -> bool:
    """Writes a request into a member's folder, durably; False when the same was asked for before."""
    require_reason(reason)
    path = path_of(folder, _NAMES[at_once])
    if _read(path, at_once) is not None:
        return False
    write_request(path, {"at_once": at_once, "reason": reason})
    return True


def pending_ends(folder: Path) -> list[tuple[str, bool]]:
    """Reason, and whether at once, of every request in a folder; never raises for what lies there."""
    found = ((_read(path_of(folder, name), at_once), at_once) for at_once, name in _NAMES.items())
    return [(reason, at_once) for reason, at_once in found if reason is not None]


def _read(path: Path, at_once: bool) -> str | None:
    plain = read_request(path)
    reason = plain.get("reason")
    return reason if plain.get("at_once") is at_once and is_reason(reason) else None
