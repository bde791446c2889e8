"""Rounds that are over: as they were followed, or read when somebody asks for one of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import overload

from proofward.federation.history.state.round_state import RoundState


class Rounds(Sequence[RoundState]):
    """Grows at its end alone; what was read is kept."""

    def __init__(self) -> None:
        self._held: list[RoundState | Callable[[], RoundState]] = []

    def __len__(self) -> int:
        return len(self._held)

    @overload
    def __getitem__(self, index: int) -> RoundState: ...

    @overload
    def __getitem__(self, index: slice) -> list[RoundState]: ...

    def __getitem__(self, index: int | slice) -> RoundState | list[RoundState]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        held = self._held[index]
        if not isinstance(held, RoundState):
            held = self._held[index] = held()
        return held

    def append(self, state: RoundState) -> None:
        """Adds one that is over now."""
        self._held.append(state)

    def postpone(self, read: Callable[[], RoundState]) -> None:
        """Adds one that is read when it is asked for."""
        self._held.append(read)

    @property
    def read(self) -> int:
        """How many are here."""
        return sum(isinstance(held, RoundState) for held in self._held)
