"""The typed refusal of a state that is not the one which this member left behind."""

from __future__ import annotations

from proofward.federation.messages.basics.refusal import Refusal

STATE = "state"
"""The culprit of such a refusal: no member, but the files that somebody put in their place."""


class StateRefused(Refusal):
    """A state that was copied, restored or damaged; `remedy` says what to do."""

    def __init__(self, check: str, expected: str, actual: str, remedy: str) -> None:
        super().__init__(check, STATE, expected, actual)
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{super().__str__()}; {self.remedy}"
