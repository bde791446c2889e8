"""What gives a record away: its numbers in every form in which a file may have them.

    as words of eight bytes, signed and as field elements; as narrower integers that hold them; as floats
    as text, parted by commas with and without a blank

A short record says too little by itself: as many that follow each other are taken together as are needed.
Of a long one, such as a picture, three pieces are taken, so that a part of it is found as well. Records that
are so alike that any file might have them are counted, and not searched for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from proofward.field.goldilocks import to_field
from proofward.layers.rules.model import Int64Array
from proofward.report.handover.secrets.secret_scan import WINDOW, Secret, telling

LONG, PIECE, PIECES = 256, 64, 3
"""Values of a record above which pieces of it are taken, their length, and how many."""
MOST_TOGETHER = 64
"""Records that are taken together at most."""
LEAST_CHANGES = 8
"""Where only one or two values occur, from how many changes between neighbours on a pattern is one's own."""

Values = Int64Array | NDArray[np.float64]
Untold = Callable[[int], None]
"""Is given how many records nothing could be told of."""


def record_secrets(what: str, features: Values, untold: Untold) -> Iterator[Secret]:
    """Secrets `what` of records (n, features): the integers that are trained on, or numbers in own units."""
    at, count = 0, len(features)
    while at < count:
        together, most = 1, 1 if 8 * features.shape[1] >= WINDOW else min(MOST_TOGETHER, count - at)
        while not _tells(features[at : at + together]) and together < most:
            together += 1
        first = at if most == 1 or at + together < count else max(0, count - MOST_TOGETHER)
        block = features[first : at + together].reshape(-1)
        forms = [form for piece in _pieces(block) for form in forms_of(piece)] if _tells(block) else []
        if forms:
            yield Secret(what, tuple(dict.fromkeys(forms)))
        else:
            untold(together)
        at += together


def forms_of(values: Values) -> Iterator[bytes]:
    """All forms of some numbers in a row that are long enough to be searched for."""
    kinds = ["<f8", "<f4"]
    if values.dtype == np.int64:
        whole = values.astype(np.int64)
        yield whole.astype("<i8").tobytes()
        yield to_field(whole).astype("<u8").tobytes()
        low, high = int(whole.min()), int(whole.max())
        held = [kind for kind in (np.int8, np.int16, np.int32) if _holds(kind, low, high)]
        kinds += [np.dtype(kind).newbyteorder("<").str for kind in held]
    for kind in kinds:
        form = values.astype(kind).tobytes()
        if len(form) >= WINDOW and _pattern(values.astype(kind)):
            yield form
    written = [format(value, "g") if isinstance(value, float) else str(value) for value in values.tolist()]
    for comma in (",", ", "):
        text = comma.join(written).encode()
        if len(text) >= WINDOW:
            yield text


def line_secrets(what: str, data: bytes) -> Iterator[Secret]:
    """Every line of a text below its header as it is written, short ones together."""
    held = b""
    for line in data.splitlines(keepends=True)[1:]:
        held += line
        form = held.strip()
        if len(form) >= WINDOW and len(set(form)) >= LEAST_CHANGES:
            yield Secret(what, (form,))
            held = b""


def _holds(kind: type[np.signedinteger], low: int, high: int) -> bool:
    range_ = np.iinfo(kind)
    return bool(range_.min <= low and high <= range_.max)


def _tells(features: Values) -> bool:
    words = features.reshape(-1)
    return len(words) * 8 >= WINDOW and (telling(words.astype("<f8").tobytes()) or _changes(words))


def _pattern(values: NDArray[np.generic]) -> bool:
    return len(np.unique(values)) >= 3 or _changes(values)


def _changes(values: NDArray[np.generic]) -> bool:
    return int(np.count_nonzero(values[1:] != values[:-1])) >= LEAST_CHANGES


def _pieces(block: Values) -> Iterator[Values]:
    if len(block) <= LONG:
        yield block
        return
    third = len(block) // PIECES
    for number in range(PIECES):
        part = block[number * third : (number + 1) * third]
        starts = range(0, len(part) - PIECE + 1, PIECE)
        best = max(starts, key=lambda start: len(np.unique(part[start : start + PIECE])))
        piece = part[best : best + PIECE]
        if _tells(piece):
            yield piece
