"""What an operator has asked for in a member's folder, told to the member when its state is opened."""

from __future__ import annotations

from pathlib import Path

from proofward.engines.remote.agreement.end_requests import pending_ends
from proofward.engines.remote.agreement.requests import pending_revocations
from proofward.engines.remote.caller import Note
from proofward.federation.messages.refusal import Refusal
from proofward.federation.parties.follower import Follower
from proofward.federation.parties.verifier import Verifier


def take_wishes(member: Follower, folder: Path, note: Note) -> None:
    """Stores every wish that is new with the member, which says it when it works next."""
    for about, reason in pending_revocations(folder):
        try:
            member.request_revocation(about, reason)
        except Refusal as refusal:
            note("declined", check=refusal.check, culprit=refusal.culprit)
    if isinstance(member, Verifier):
        for reason, at_once in pending_ends(folder):
            member.request_end(reason, at_once)
