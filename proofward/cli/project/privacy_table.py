"""[privacy] of consortium.toml: what is promised of each record, from which the noise follows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import log2
from typing import Any

from proofward.cli.common.usual import DELTA
from proofward.cli.project.project_table import ProjectError, Table
from proofward.layers.errors import ConfigurationError
from proofward.layers.model import Training
from proofward.layers.privacy import Privacy
from proofward.models.keys import Flag, Integer, Key, Keys, Number
from proofward.models.presets import PRIVATE_PRESETS
from proofward.models.settings import Settings
from proofward.privacy.accountant import MOST_EPSILON
from proofward.privacy.choice import least_noise

WHERE = "privacy."
CLIP, RELEASES, RECORDS = 1.0, 20, 1
LARGEST_CLIP = 64.0
LEAST_DELTA, MOST_DELTA = 1e-15, 0.1
NO_PRIVACY = "[privacy]\nnone = true  # sums are exact: there is no differential privacy"
PRIVACY = Keys((
    Key("none", Flag(), "sums are exact: there is no differential privacy; then nothing else stands here",
        False),
    Key("epsilon", Number(above=0, high=MOST_EPSILON), "promised for each record over the whole federation"),
    Key("delta", Number(LEAST_DELTA, high=MOST_DELTA), "with which the promise may fail, 1 / a whole number",
        DELTA),
    Key("clip", Number(1 / LARGEST_CLIP, high=LARGEST_CLIP),
        "the L2 norm to which the gradient of each record is clipped, a power of two", CLIP),
    Key("releases", Integer(1, 1 << 20), "sums that a hospital consents to at most, over all attempts"),
    Key("records_a_patient", Integer(1, 1 << 16), "the most records of one patient at a hospital", RECORDS),
    Key("colluders", Integer(0, 3000),
        "hospitals of a sum that may tell their noise; without it the threshold"),
    Key("exact_counts", Flag(),
        "[validation] and [statistics] may be there: exact, outside the budget and not private", False),
), (("none", "epsilon"),))  # fmt: skip


@dataclass(frozen=True)
class PrivacyTable:
    """What is promised, and of whom.

    epsilon, delta: promised. clip: C. releases: R, 0 for the usual number. records_a_patient: k.
    colluders: c, None for the threshold. exact_counts: whether counts outside the budget are agreed to.
    """

    epsilon: float
    delta: float = DELTA
    clip: float = CLIP
    releases: int = 0
    records_a_patient: int = RECORDS
    colluders: int | None = None
    exact_counts: bool = False

    def mechanism(self, rounds: int, parameters: int, threshold: int, minimum: int) -> Privacy:
        """With the least noise that keeps the promise; raises ConfigurationError."""
        own = Privacy(
            clip_bits=int(log2(self.clip)),
            coarse_variance=41,
            releases=self.releases or max(RELEASES, rounds),
            records_a_patient=self.records_a_patient,
            colluders=threshold if self.colluders is None else self.colluders,
            inverse_delta=_inverse(self.delta),
        )
        return least_noise(own, self.epsilon, parameters, minimum)


def _inverse(delta: float) -> int:
    return round(1 / delta)


def read_privacy(values: Mapping[str, Any]) -> PrivacyTable | None:
    """The table, None where it says that there is none, is empty or not there; raises ProjectError."""
    table = Table(values, WHERE, PRIVACY)
    if table.flag("none"):
        if others := [name for name in values if name != "none"]:
            raise ProjectError(f"{WHERE}none", "nothing beside it", ", ".join(others))
        return None
    if not values:
        return None
    found = PrivacyTable(
        epsilon=table.number("epsilon"),
        delta=table.number("delta"),
        clip=table.number("clip"),
        releases=table.integer("releases") if table.has("releases") else 0,
        records_a_patient=table.integer("records_a_patient"),
        colluders=table.integer("colluders") if table.has("colluders") else None,
        exact_counts=table.flag("exact_counts"),
    )
    check_privacy(found)
    return found


def check_privacy(found: PrivacyTable) -> None:
    """Raises ProjectError for numbers that are none."""
    if not 0 < found.epsilon <= MOST_EPSILON:
        expected = f"a number above 0 and up to {MOST_EPSILON:g}"
        raise ProjectError(f"{WHERE}epsilon", expected, repr(found.epsilon))
    if not LEAST_DELTA <= found.delta <= MOST_DELTA:
        expected = f"a number in [{LEAST_DELTA:g}, {MOST_DELTA:g}], below 1 / all records"
        raise ProjectError(f"{WHERE}delta", expected, repr(found.delta))
    inverse = _inverse(found.delta)
    if abs(found.delta * inverse - 1) > 1e-9:
        raise ProjectError(f"{WHERE}delta", f"1 / a whole number, such as {1 / inverse!r}", repr(found.delta))
    if not 1 / LARGEST_CLIP <= found.clip <= LARGEST_CLIP or log2(found.clip) % 1:
        expected = f"a power of two in [{1 / LARGEST_CLIP!r}, {LARGEST_CLIP!r}]"
        raise ProjectError(f"{WHERE}clip", expected, repr(found.clip))


def check_beside(found: PrivacyTable | None, own: Settings, training: Training, *counts: object) -> None:
    """Raises ProjectError for training and counts that do not go together with this table, or with none.

    own: what the file itself sets. training: with what the preset adds. counts: what has exact
    ones, if it is there: validation, or the statistics from which centres and spreads come.
    """
    if found is None:
        if training.full_batch:
            expected = "false without [privacy]: exact sums of one step on all records give these away"
            raise ProjectError("training.full_batch", expected, "true")
        return
    if not training.full_batch:
        expected = f"true with [privacy], as the presets {', '.join(sorted(PRIVATE_PRESETS))} have it"
        raise ProjectError("training.full_batch", expected, "false")
    if own.clip_bound is not None:
        expected = "nothing beside [privacy], whose clip bounds the gradient of each record"
        raise ProjectError("training.clip_bound", expected, repr(own.clip_bound))
    if any(counts):
        check_exact(found)


def check_exact(found: PrivacyTable | None) -> None:
    """Raises ProjectError where exact counts were not agreed to beside privacy."""
    if found is not None and not found.exact_counts:
        expected = "true beside [validation] or statistics, whose counts are exact, outside the budget and "
        raise ProjectError(f"{WHERE}exact_counts", f"{expected}not private", "false")


def mechanism_of(
    found: PrivacyTable | None, rounds: int, parameters: int, threshold: int, minimum: int
) -> Privacy | None:
    """See `PrivacyTable.mechanism`; raises ProjectError."""
    if found is None:
        return None
    try:
        return found.mechanism(rounds, parameters, threshold, minimum)
    except ConfigurationError as error:
        raise ProjectError(error.field, error.expected, error.actual) from error


def privacy_lines(found: PrivacyTable | None, releases: int, colluders: int) -> Iterator[str]:
    """The table of a completed project, whose mechanism has these numbers."""
    yield ""
    if found is None:
        yield NO_PRIVACY
        return
    values = {**vars(found), "releases": releases, "colluders": colluders}
    yield "[privacy]"
    for name, value in values.items():
        text = str(value).lower() if isinstance(value, bool) else repr(value)
        yield f"{name} = {text}  # {PRIVACY[name].meaning}"
