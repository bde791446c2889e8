"""Phases, waits, times, sizes and digests in words."""

from __future__ import annotations

import inspect
import re
from datetime import UTC, datetime

from proofward.federation.history.state import history_state as phases
from proofward.federation.messages.consortium.rules import HOSPITAL, VERIFIER
from proofward.federation.messages.records.catalogue import KINDS

PHASES: dict[str, str] = {
    phases.BEFORE: "nothing is recorded yet",
    phases.ENROLMENT: "hospitals commit to their records, verifiers judge the proofs",
    phases.DEAL: "members deal shares of the randomness from which the first model and the batches are drawn",
    phases.VOUCH: "hospitals say from whom they hold good shares of it",
    phases.REVEAL: "the shares are opened, and the randomness is fixed",
    phases.BETWEEN: "the next round is about to be opened",
    phases.KEYS: "hospitals publish keys for the shares of this round",
    phases.UPLOAD: "hospitals train, prove and send their encrypted updates",
    phases.VERIFY: "verifiers check the proofs",
    phases.SHARES: "hospitals check their shares of each other's keys",
    phases.CONSENT: "the hospitals whose updates were accepted agree to the sum",
    phases.LOCK: "holders of shares lock the accepted set",
    phases.UNMASK: "holders return sums of shares, with which the sum alone is opened",
    phases.ABANDON: "hospitals give up the accepted set, and the round is tried again",
    phases.CONFIRM: "members compute the sum and the next model again",
    phases.CLOSED: "the federation is over",
}
"""What happens in each phase."""

_BOTH = {
    phases.ENROLMENT: {HOSPITAL: "its enrolment", VERIFIER: "its verdicts on enrolments"},
    phases.SHARES: {HOSPITAL: "its word on its key shares", VERIFIER: "its verdicts on complaints"},
}
_AWAITED = {
    phases.BETWEEN: "its signature of the last head",
    phases.DEAL: "its deal of the randomness",
    phases.VOUCH: "its word on the shares it holds",
    phases.REVEAL: "its shares of the randomness",
    phases.KEYS: "its keys for this round",
    phases.UPLOAD: "its encrypted update with the proof",
    phases.VERIFY: "its verdicts on updates",
    phases.CONSENT: "its consent to the sum",
    phases.LOCK: "its lock of the accepted set",
    phases.UNMASK: "its sum of shares",
    phases.ABANDON: "its word that it gives the set up",
    phases.CONFIRM: "its confirmation of the sum",
}


def phase_words(phase: str) -> str:
    """What happens in a phase."""
    return PHASES.get(phase, "")


def sentence(words: str) -> str:
    """Words as a sentence; none for none."""
    return f"{words[:1].upper()}{words[1:]}." if words else ""


def awaited(phase: str, role: str) -> str:
    """What a phase waits for from a member with this role."""
    return _BOTH.get(phase, {}).get(role) or _AWAITED.get(phase, "its next message")


def title_of(kind: str) -> str:
    """The name of a kind of message, as words."""
    words = kind.replace("-", " ")
    return words[:1].upper() + words[1:]


def meaning_of(kind: str) -> str:
    """Who says a kind of message and what it says, without what is for readers of its code."""
    record = KINDS.get(kind)
    text = inspect.getdoc(record) if record is not None else None
    line = re.sub(r' \([^()]*""[^()]*\)', "", text.split("\n")[0]) if text else ""
    parts = [part for part in re.split(r"(?<=[.;]) ", line) if '""' not in part]
    return f"{' '.join(parts).rstrip('.;')}." if parts else ""


def moment(seconds: float | None) -> str:
    """A time in UTC to the second."""
    if seconds is None:
        return "not recorded"
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def duration(seconds: float) -> str:
    """How long something lasts or is ago, roughly."""
    if seconds < 60:
        return f"{max(0, int(seconds))} s"
    if seconds < 7200:
        return f"{int(seconds // 60)} min"
    if seconds < 172_800:
        return f"{int(seconds // 3600)} h"
    return f"{int(seconds // 86_400)} days"


def size(count: int) -> str:
    """Bytes as people read them."""
    if count < 1000:
        return f"{count} bytes"
    value, units = count / 1000, ["TB", "GB", "MB", "kB"]
    while value >= 999.5 and len(units) > 1:
        value /= 1000
        units.pop()
    return f"{value:.1f} {units[-1]}"


def short(digest: str) -> str:
    """The beginning of a digest, in groups of four."""
    shown = " ".join(digest[start : start + 4] for start in range(0, min(len(digest), 16), 4))
    return f"{shown} …" if len(digest) > 16 else shown
