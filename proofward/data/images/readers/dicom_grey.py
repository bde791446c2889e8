"""Grey DICOM frames to bytes: modality table or rescale, then a window or a table of values of interest."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proofward.data.images.contract.example import NO_WINDOW, Bytes
from proofward.data.images.contract.refusal import DAMAGED, UNSUPPORTED, ImageRefused
from proofward.data.images.contract.rule import FIXED, FROM_FILE, ImageRule
from proofward.data.images.pixels.grey import Window, full_range, scaled, windowed
from proofward.data.images.readers.dicom_header import Description

_MOST_ENTRIES = 1 << 16


@dataclass(frozen=True, eq=False)
class Table:
    """A look-up table: entries of so many bits, the first for the value `first`."""

    first: int
    bits: int
    entries: NDArray[np.int64]

    def __call__(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """What values become; those beyond an end become what the end does."""
        return np.asarray(self.entries[np.clip(values - self.first, 0, len(self.entries) - 1)])


def grey_bytes(
    stored: NDArray[np.integer], dataset: Any, index: int, description: Description, rule: ImageRule
) -> tuple[Bytes, tuple[str, ...]]:
    """A frame's bytes, white for high values where the file says so, and what is to be noted."""
    values, slope, intercept, ends = _modality(stored.astype(np.int64), dataset, index, description)
    notes: tuple[str, ...] = ()
    window: Window | None = None
    if rule.window == FIXED:
        window = Window.linear(Fraction(rule.window_centre), Fraction(rule.window_width))
    elif rule.window == FROM_FILE:
        table = _table(_first(dataset, index, "FrameVOILUTSequence", "VOILUTSequence"))
        if table is not None:
            mapped = table(_rounded(values, slope, intercept))
            return _shown(scaled(mapped, table.bits), stored, dataset), ()
        window = _window(dataset, index)
        if window is None:
            notes = (NO_WINDOW,)
    if window is None:
        low, high = sorted(slope * end + intercept for end in ends)
        window = Window(low, high)
    return _shown(windowed(values, window, slope, intercept), stored, dataset), notes


def _modality(
    stored: NDArray[np.int64], dataset: Any, index: int, description: Description
) -> tuple[NDArray[np.int64], Fraction, Fraction, tuple[int, int]]:
    """Integers, the slope and intercept that make values of them, and the least and largest there can be."""
    table = _table(dataset.get("ModalityLUTSequence"))
    if table is not None:
        return table(stored), Fraction(1), Fraction(0), full_range(table.bits, False)
    group = "PixelValueTransformationSequence"
    slope = _number(_first(dataset, index, group, "RescaleSlope"), "Rescale Slope", 1)
    intercept = _number(_first(dataset, index, group, "RescaleIntercept"), "Rescale Intercept", 0)
    return stored, slope, intercept, full_range(description.stored, description.signed)


def _window(dataset: Any, index: int) -> Window | None:
    """The first window of a file."""
    group = "FrameVOILUTSequence"
    centre, width = (_first(dataset, index, group, name) for name in ("WindowCenter", "WindowWidth"))
    if centre in (None, "") or width in (None, ""):
        return None
    middle, span = _number(centre, "Window Center", 0), _number(width, "Window Width", 0)
    function = str(_first(dataset, index, group, "VOILUTFunction") or "LINEAR").upper()
    if function == "LINEAR":
        return Window.linear(middle, span)
    if function in ("LINEAR_EXACT", "SIGMOID"):
        return Window.exact(middle, span, sigmoid=function == "SIGMOID")
    raise ImageRefused(UNSUPPORTED, "a VOI LUT Function LINEAR, LINEAR_EXACT or SIGMOID", "another")


def _shown(plane: Bytes, stored: NDArray[np.integer], dataset: Any) -> Bytes:
    """Inverted where low values are white; what only pads the picture is black."""
    inverse = str(dataset.get("PresentationLUTShape", "")).upper() == "INVERSE"
    if dataset.PhotometricInterpretation == "MONOCHROME1" or inverse:
        plane = 255 - plane
    padding = dataset.get("PixelPaddingValue")
    if isinstance(padding, int):
        limit = dataset.get("PixelPaddingRangeLimit", padding)
        ends = sorted((padding, limit if isinstance(limit, int) else padding))
        plane = np.where((stored >= ends[0]) & (stored <= ends[1]), 0, plane).astype(np.uint8)
    return plane


def _first(dataset: Any, index: int, group: str, keyword: str) -> Any:
    """An element of a frame: its own, that of all frames, or that of the file."""
    own = dataset.get("PerFrameFunctionalGroupsSequence")
    shared = dataset.get("SharedFunctionalGroupsSequence")
    for macros in (own[index] if own and index < len(own) else None, shared[0] if shared else None):
        items = macros.get(group) if macros is not None else None
        if items and keyword in items[0]:
            return items[0].get(keyword)
    return dataset.get(keyword)


def _number(value: Any, name: str, default: int) -> Fraction:
    """The first of an element's decimal numbers, as it is written."""
    if value is not None and not isinstance(value, str) and hasattr(value, "__len__"):
        value = value[0] if len(value) else None
    if value in (None, ""):
        return Fraction(default)
    text = str(value).strip()
    try:
        if len(text) > 32:
            raise ValueError
        found = Fraction(text)
        if not -(1 << 62) < found < 1 << 62 or found.denominator > 1 << 62:
            raise ValueError
    except (ValueError, ZeroDivisionError):
        raise ImageRefused(DAMAGED, f"a decimal number as {name}", "another text") from None
    return found


def _rounded(values: NDArray[np.int64], slope: Fraction, intercept: Fraction) -> NDArray[np.int64]:
    """slope * value + intercept, rounded half up, for a table that takes integers."""
    if slope == 1 and intercept.denominator == 1:
        return values + int(intercept)
    unit = slope.denominator * intercept.denominator
    by, plus = int(slope * unit), int(intercept * unit)
    if (abs(by) << 32) + abs(plus) >= 1 << 60:
        raise ImageRefused(UNSUPPORTED, "a Rescale Slope of fewer digits before a table", "more")
    return (2 * (by * values + plus) + unit) // (2 * unit)


def _table(sequence: Any) -> Table | None:
    """The first table of a sequence."""
    if not sequence:
        return None
    item = sequence[0]
    try:
        count, first, bits = (int(part) for part in item.LUTDescriptor)
        data = item.LUTData
        if isinstance(data, bytes):
            width = 1 if len(data) == (count or _MOST_ENTRIES) else 2
            data = np.frombuffer(data, dtype=f"<u{width}")
        entries = np.asarray(data, dtype=np.int64)
    except Exception:
        raise ImageRefused(DAMAGED, "a look-up table", "a sequence without one") from None
    count = count or _MOST_ENTRIES
    if len(entries) != count or not 8 <= bits <= 16 or entries.min() < 0 or entries.max() >> bits:
        expected = f"{count} entries of {bits} bits in a look-up table"
        raise ImageRefused(DAMAGED, expected, f"{len(entries)} others")
    return Table(first, bits, entries)
