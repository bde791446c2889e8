"""Parts that share no patient and no image.

Images of one patient belong together, and so do equal images, whoever they are filed under; what is joined
by either, however far, stays in one part.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from proofward.data.images.contract.refusal import ImagesRefused
from proofward.data.images.inspection import Inspection
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.rules.schedule import permutation

_DOMAIN = b"proofward/image-split/v1"


def patient_split(
    inspection: Inspection, seed: int, held_out_percent: int = 20
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(training, held out): positions in the set, sorted.

    Groups are dealt at random, those of each commonest label apart, so that both parts have each label where
    there are two groups of it; a part's share is met to within the largest group of a label.
    """
    inspection.require()
    if not 0 < held_out_percent < 100:
        raise ConfigurationError("held_out_percent", "an integer in [1, 99]", held_out_percent)
    members = _groups(inspection)
    if len(members) < 2:
        words = "expected images of at least two patients, found one group that shares patients or pixels"
        raise ImagesRefused(f"no split: {words}")
    order = permutation(_DOMAIN + seed.to_bytes(8, "little"), "held-out", 0, len(members))
    of_label: dict[int, list[list[int]]] = {}
    for at in order:
        group = members[int(at)]
        label = min(Counter(inspection.labels[one] for one in group).most_common(), key=_commonest)[0]
        of_label.setdefault(label, []).append(group)
    held: list[int] = []
    for _, groups in sorted(of_label.items()):
        held.extend(_taken(groups, held_out_percent))
    if not held:  # every label has one group only
        held = min((members[int(at)] for at in order), key=len)
    chosen = np.zeros(len(inspection), dtype=np.bool_)
    chosen[held] = True
    return np.flatnonzero(~chosen).astype(np.int64), np.flatnonzero(chosen).astype(np.int64)


def deal_by_patient(
    inspection: Inspection, positions: NDArray[np.int64], sites: int, seed: int
) -> list[NDArray[np.int64]]:
    """These positions divided among sites, sorted: what shares a patient or an image stays at one site.

    Groups are dealt at random, each to the site that has the fewest images.
    """
    inspection.require()
    chosen = set(map(int, positions))
    members = [kept for group in _groups(inspection) if (kept := [at for at in group if at in chosen])]
    if len(members) < sites:
        words = f"expected images of at least {sites} patients, found {len(members)}"
        raise ImagesRefused(f"no division: {words}")
    order = permutation(_DOMAIN + seed.to_bytes(8, "little"), "sites", 0, len(members))
    dealt: list[list[int]] = [[] for _ in range(sites)]
    for at in order:
        min(dealt, key=len).extend(members[int(at)])
    return [np.array(sorted(own), dtype=np.int64) for own in dealt]


def patients_of(inspection: Inspection) -> NDArray[np.int64]:
    """A number for each image of the set, the same for images that share a patient or pixels."""
    numbers = np.empty(len(inspection), dtype=np.int64)
    for number, members in enumerate(_groups(inspection)):
        numbers[members] = number
    return numbers


def _commonest(counted: tuple[int, int]) -> tuple[int, int]:
    return -counted[1], counted[0]


def _taken(groups: list[list[int]], percent: int) -> list[int]:
    """Groups up to a share of their images: at least one of them, and never all."""
    target = (sum(map(len, groups)) * percent + 50) // 100
    taken: list[int] = []
    for group in groups[:-1]:
        if taken and len(taken) + len(group) > target:
            continue
        taken.extend(group)
    return taken


def _groups(inspection: Inspection) -> list[list[int]]:
    """Positions that are joined by patients and pixels, in the order of the set."""
    parent = list(range(len(inspection)))

    def root(at: int) -> int:
        while parent[at] != at:
            parent[at] = parent[parent[at]]
            at = parent[at]
        return at

    first: dict[tuple[str, bytes], int] = {}
    for at, (digest, patient) in enumerate(zip(inspection.digests, inspection.patients, strict=True)):
        keys = [("pixels", digest)] if patient is None else [("pixels", digest), ("patient", patient)]
        for key in keys:
            parent[root(at)] = root(first.setdefault(key, at))
    members: dict[int, list[int]] = {}
    for at in range(len(inspection)):
        members.setdefault(root(at), []).append(at)
    return list(members.values())
