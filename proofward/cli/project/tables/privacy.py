"""[privacy] of consortium.toml: what is promised of each record, from which the noise follows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, log2
from typing import Any

from proofward.cli.common.usual import DELTA
from proofward.cli.project.tables.table import ProjectError, Table
from proofward.layers.averaging.weighting import ALL_ALIKE, BY_RECORDS, Weighting
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.rules.model import Training
from proofward.layers.rules.privacy import GRANULARITIES, MOST_RELEASES, RECORD, Privacy
from proofward.models.keys import Flag, Integer, Key, Keys, Number, Text
from proofward.models.presets import PRIVATE_PRESETS
from proofward.models.settings import Settings
from proofward.privacy.accountant import MOST_EPSILON
from proofward.privacy.choice import least_noise
from proofward.privacy.counts import most_distance

WHERE = "privacy."
CLIP, RELEASES, RECORDS, COUNT_RELEASES = 1.0, 20, 1, 1
LARGEST_CLIP = 64.0
LEAST_DELTA, MOST_DELTA = 1e-15, 0.1
NO_PRIVACY = "[privacy]\nnone = true  # sums are exact: there is no differential privacy"
PRIVACY = Keys((
    Key("none", Flag(), "sums are exact: there is no differential privacy; then nothing else stands here",
        False),
    Key("epsilon", Number(above=0, high=MOST_EPSILON),
        "promised over the whole federation, of each record or hospital as granularity says"),
    Key("delta", Number(LEAST_DELTA, high=MOST_DELTA),
        "with which the promise may fail, taken as 1 / a whole number, rounded down", DELTA),
    Key("granularity", Text(options=GRANULARITIES),
        "what is protected: record, or hospital for all records of one, which needs some hundred hospitals",
        RECORD),
    Key("clip", Number(1 / LARGEST_CLIP, high=LARGEST_CLIP),
        "the L2 norm to which the gradient of each record is clipped, or of a hospital the update; "
        "a power of two", CLIP),
    Key("releases", Integer(1, 1 << 20), "sums that a hospital consents to at most, over all attempts"),
    Key("records_a_patient", Integer(1, 1 << 16), "the most records of one patient at a hospital", RECORDS),
    Key("colluders", Integer(0, 3000),
        "hospitals of a sum that may tell their noise; without it the threshold"),
    Key("count_releases", Integer(1, MOST_RELEASES),
        "releases that a sum of counts spends: with more its noise is smaller", COUNT_RELEASES),
    Key("exact_counts", Flag(),
        "counts of [validation] and [statistics] are exact, outside the budget and not private", False),
), (("none", "epsilon"),))  # fmt: skip


@dataclass(frozen=True)
class PrivacyTable:
    """What is promised, and of whom.

    epsilon, delta: promised. clip: C. releases: R, 0 for the usual number. records_a_patient: k.
    colluders: c, None for the threshold. count_releases: what a sum of counts spends of the releases.
    exact_counts: whether counts without noise, outside the budget, are agreed to. granularity: what is
    protected, RECORD or HOSPITAL.
    """

    epsilon: float
    delta: float = DELTA
    clip: float = CLIP
    releases: int = 0
    records_a_patient: int = RECORDS
    colluders: int | None = None
    count_releases: int = COUNT_RELEASES
    exact_counts: bool = False
    granularity: str = RECORD

    @property
    def by_record(self) -> bool:
        """Whether the gradient of each record is clipped, in one step on all of them."""
        return self.granularity == RECORD

    @property
    def spent_by_counts(self) -> int:
        """How many releases a sum of counts spends; 0 where counts are exact."""
        return 0 if self.exact_counts or not self.by_record else self.count_releases

    def mechanism(
        self, rounds: int, counted: int, entries: int, parameters: int, threshold: int, minimum: int
    ) -> Privacy:
        """With the least noise that keeps the promise; raises ConfigurationError.

        rounds: of training. counted: how often counts are summed, of so many entries.
        """
        planned = rounds + counted * self.spent_by_counts
        if 0 < self.releases < planned:
            expected = f"at least {planned}, one for each round of training"
            expected += f" and {self.spent_by_counts} for each sum of counts" if planned > rounds else ""
            raise ConfigurationError(f"{WHERE}releases", expected, self.releases)
        own = Privacy(
            clip_bits=int(log2(self.clip)),
            coarse_variance=41,
            releases=self.releases or max(RELEASES, planned),
            records_a_patient=self.records_a_patient,
            colluders=threshold if self.colluders is None else self.colluders,
            inverse_delta=_inverse(self.delta),
            granularity=self.granularity,
        )
        noisy = planned > rounds
        distance = most_distance(entries, self.spent_by_counts) if noisy else Fraction(0)
        return least_noise(own, self.epsilon, parameters, minimum, distance)


def _inverse(delta: float) -> int:
    """The least integer whose inverse is at most delta, the decimal number that people wrote."""
    return ceil(1 / Fraction(repr(delta)))


def delta_in_words(found: PrivacyTable | None) -> list[str]:
    """That a delta is taken as a smaller one, where it is."""
    if found is None or (inverse := _inverse(found.delta)) * Fraction(repr(found.delta)) == 1:
        return []
    return [f"delta {found.delta:g} is taken as 1 / {inverse:,}, which is smaller and so promises more"]


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
        count_releases=table.integer("count_releases"),
        exact_counts=table.flag("exact_counts"),
        granularity=table.text("granularity"),
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
    if found.granularity not in GRANULARITIES:
        expected = f"one of {', '.join(GRANULARITIES)}"
        raise ProjectError(f"{WHERE}granularity", expected, repr(found.granularity)[:80])
    if not 1 / LARGEST_CLIP <= found.clip <= LARGEST_CLIP or log2(found.clip) % 1:
        expected = f"a power of two in [{1 / LARGEST_CLIP!r}, {LARGEST_CLIP!r}]"
        raise ProjectError(f"{WHERE}clip", expected, repr(found.clip))


def check_step(found: PrivacyTable | None, own: Settings) -> None:
    """Raises ProjectError for settings of the file that are not of one step on all records."""
    several = {"epochs": own.epochs, "steps": own.steps if own.steps != 1 else None, "momentum": own.momentum}
    for name, value in several.items():
        if found is not None and found.by_record and value:
            expected = "nothing beside [privacy], whose rounds are one step on all records, without momentum"
            raise ProjectError(f"training.{name}", expected, repr(value))


def check_beside(
    found: PrivacyTable | None, own: Settings, training: Training, counted: bool, *counts: object
) -> None:
    """Raises ProjectError for training and counts that do not go together with this table, or with none.

    own: what the file itself sets. training: with what the preset adds. counted: whether a validation part
    is, of which whole hospitals cannot be protected. counts: what has exact ones in any case, if it is there:
    an outside model, or the statistics from which centres and spreads come.
    """
    if found is None:
        if training.full_batch:
            expected = "false without [privacy]: exact sums of one step on all records give these away"
            raise ProjectError("training.full_batch", expected, "true")
        return
    if training.full_batch is not found.by_record:
        if training.full_batch:
            expected = "false where hospitals are protected, whose updates are clipped as a whole"
            raise ProjectError("training.full_batch", expected, "true")
        expected = f"true with [privacy], as the presets {', '.join(sorted(PRIVATE_PRESETS))} have it; for "
        expected += "pictures a head behind a [frozen] network is worth most"
        raise ProjectError("training.full_batch", expected, "false")
    if own.clip_bound is not None:
        expected = "nothing beside [privacy], whose clip bounds gradients or updates"
        raise ProjectError("training.clip_bound", expected, repr(own.clip_bound))
    if any(counts) or (counted and not found.by_record):
        check_exact(found)


def check_exact(found: PrivacyTable | None) -> None:
    """Raises ProjectError where exact counts were not agreed to beside privacy."""
    if found is not None and not found.exact_counts:
        expected = "true beside [outside_model] or statistics, and where hospitals are protected beside "
        expected += "[validation]: their counts are exact, outside the budget and not private"
        raise ProjectError(f"{WHERE}exact_counts", expected, "false")


def clips_records(found: PrivacyTable | None) -> bool:
    """Whether rounds are one step on all records, the gradient of each clipped."""
    return found is not None and found.by_record


def usual_weighting(found: PrivacyTable | None, own: Weighting) -> Weighting:
    """What updates weigh: where hospitals are protected all alike, unless the file says another thing."""
    return ALL_ALIKE if found is not None and not found.by_record and own == BY_RECORDS else own


def mechanism_of(found: PrivacyTable | None, *numbers: int) -> Privacy | None:
    """See `PrivacyTable.mechanism`; raises ProjectError."""
    if found is None:
        return None
    try:
        return found.mechanism(*numbers)
    except ConfigurationError as error:
        raise ProjectError(error.field, error.expected, error.actual) from error


def plain_privacy(found: PrivacyTable | None, own: Privacy | None) -> dict[str, Any]:
    """Plain values, as the file has them. own: the mechanism, which has the numbers that were left open."""
    if found is None or own is None:
        return {"none": True}
    return {**vars(found), "releases": own.releases, "colluders": own.colluders}


def privacy_lines(found: PrivacyTable | None, own: Privacy | None) -> Iterator[str]:
    """The table of a completed project, which has this mechanism."""
    yield ""
    if found is None:
        yield NO_PRIVACY
        return
    yield "[privacy]"
    for name, value in plain_privacy(found, own).items():
        text = str(value).lower() if isinstance(value, bool) else repr(value)
        yield f"{name} = {text}  # {PRIVACY[name].meaning}"
