"""Inspected images in batches: only one batch is in memory, and only what was inspected comes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from proofward.data.images.contract.example import Bytes, Example, Source, Unread
from proofward.data.images.contract.refusal import CHANGED, ImageRefused, ImagesRefused
from proofward.data.images.inspection import Inspection, shown
from proofward.layers.basics.errors import ConfigurationError


@dataclass(frozen=True, eq=False)
class Batch:
    """pixels: uint8 (n, channels, height, width). labels: int64 (n,). patients: salted digests.

    positions: int64 (n,), where in the set each is.
    """

    pixels: Bytes
    labels: NDArray[np.int64]
    patients: tuple[bytes | None, ...] = field(repr=False)
    positions: NDArray[np.int64]


def batches(
    source: Source, inspection: Inspection, size: int, positions: NDArray[np.int64] | None = None
) -> Iterator[Batch]:
    """Images in the order of the set, `size` at a time; the last batch may have fewer.

    positions: those to yield, such as a part of a split; all without it. Raises ImagesRefused where the
    inspection has found anything unreadable, before the first batch, and where an image is no longer the one
    that was inspected.
    """
    inspection.require()
    if size < 1:
        raise ConfigurationError("size of a batch", "an integer of at least 1", size)
    wanted = None if positions is None else set(map(int, positions))
    return _batches(source, inspection, size, wanted)


def _batches(source: Source, inspection: Inspection, size: int, wanted: set[int] | None) -> Iterator[Batch]:
    waiting: list[tuple[int, Example]] = []
    count = 0
    for found in source.examples(inspection.rule):
        _check_same(found, inspection, count)
        assert isinstance(found, Example)
        if wanted is None or count in wanted:
            waiting.append((count, found))
        count += 1
        if len(waiting) == size:
            yield _batch(waiting)
            waiting = []
    if count != len(inspection):
        raise ImagesRefused(f"{len(inspection)} images were inspected, {count} are left: inspect them again")
    if waiting:
        yield _batch(waiting)


def _check_same(found: Example | Unread, inspection: Inspection, at: int) -> None:
    if isinstance(found, Unread):
        raise ImagesRefused("changed since the inspection", [f"{shown(found.name)}: {found.reason.words}"])
    same = at < len(inspection) and (
        found.digest(),
        found.label,
        found.picture.patient,
        found.part,
    ) == (inspection.digests[at], inspection.labels[at], inspection.patients[at], inspection.parts[at])
    if not same:
        refused = ImageRefused(CHANGED, "the image that was inspected", "another", "inspect the set again")
        raise ImagesRefused("changed since the inspection", [f"{shown(found.name)}: {refused}"])


def _batch(waiting: Sequence[tuple[int, Example]]) -> Batch:
    return Batch(
        np.stack([example.picture.pixels for _, example in waiting]),
        np.array([example.label for _, example in waiting], dtype=np.int64),
        tuple(example.picture.patient for _, example in waiting),
        np.array([at for at, _ in waiting], dtype=np.int64),
    )
