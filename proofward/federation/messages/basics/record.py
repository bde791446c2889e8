"""What all records have in common."""

from __future__ import annotations

from typing import ClassVar


class Message:
    """Base of the records; `kind` is the name on the wire.

    roundless: recorded in the round in which it was signed or in a later one, once.
    """

    kind: ClassVar[str] = "message"
    roundless: ClassVar[bool] = False

    def subject(self) -> tuple[str, ...]:
        """What it speaks about: a sender that says two things on one subject equivocates."""
        return ()

    def objects(self) -> tuple[bytes, ...]:
        """Digests of the objects that it names, which must be there before it is recorded."""
        return ()

    def lasting(self) -> tuple[bytes, ...]:
        """Those of them that are kept in any case, see `history.ephemeral`."""
        return self.objects()
