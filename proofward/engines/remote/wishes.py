"""What an operator has asked for in a member's folder, told to the member."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from proofward.engines.remote.agreement.end_requests import pending_ends
from proofward.engines.remote.agreement.requests import pending_admissions, pending_revocations
from proofward.engines.remote.carrying.caller import Note
from proofward.federation.messages.basics.refusal import Refusal
from proofward.federation.parties.following.follower import Follower
from proofward.federation.parties.verifier import Verifier

Wish = tuple[str, str | bytes | bool]


class Wishes:
    """The requests in the folder of one member, each of which is told to it once."""

    def __init__(self, member: Follower, folder: Path, note: Note = lambda kind, **fields: None) -> None:
        self._member = member
        self._folder = folder
        self._note = note
        self._told: set[Wish] = set()

    def take(self) -> bool:
        """Stores every wish that is new with the member; whether there was one that it takes."""
        new = False
        for wish, ask in self._asked():
            if wish not in self._told:
                self._told.add(wish)
                try:
                    ask()
                    new = True
                except Refusal as refusal:
                    self._note("declined", check=refusal.check, culprit=refusal.culprit)
        return new

    def _asked(self) -> Iterator[tuple[Wish, Callable[[], object]]]:
        member = self._member
        for revocation in pending_revocations(self._folder):
            yield revocation, partial(member.request_revocation, *revocation)
        if isinstance(member, Verifier):
            for admission in pending_admissions(self._folder):
                yield admission, partial(member.request_admission, *admission)
            for end in pending_ends(self._folder):
                yield end, partial(member.request_end, *end)
