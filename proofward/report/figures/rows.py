"""The records that figures are of, and whether the model has seen them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from proofward.data.reading.records import Records
from proofward.report.handover.models.description import Description


@dataclass(frozen=True)
class Rows:
    """trained_on: whether they are the hospitals' own, for want of others.

    shared: how many of the others have the same features as a record of a hospital.
    """

    records: Records
    description: Description
    trained_on: bool = False
    shared: int = 0

    @property
    def words(self) -> str:
        """How many of what, such as 48 held-out images."""
        what = "records" if self.description.images is None else "images"
        count = f"{len(self.records):,}"
        return f"{count} {what} of the training" if self.trained_on else f"{count} held-out {what}"

    @property
    def caution(self) -> str:
        """What the figures are of, in a sentence, and what they do not say."""
        if self.trained_on:
            return (
                f"All figures are of the {self.words} itself, for want of others: they say how well the "
                "model fits what it has seen, and nothing of what it has not."
            )
        own = f"All figures are of {self.words}, which no hospital trained on."
        if not self.shared:
            return own
        return f"All figures are of {self.words}, but {self.shared:,} of them are also records of a hospital."


def shared(records: Records, hospitals: Iterable[Records]) -> int:
    """How many records have the same features as one of a hospital."""
    seen = {row.tobytes() for own in hospitals for row in own.features}
    return sum(row.tobytes() in seen for row in records.features)
