"""A picture of the first images of each class, as the rule makes them, for a look at the site."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from proofward.data.images.contract.example import Bytes, Example
from proofward.data.images.contract.extra import imported
from proofward.data.images.inspection import shown
from proofward.ledger.files import make_directory

WARNING = "Patients' images: this sheet stays at the site."
_COLUMNS, _ROWS = 8, 2
_TILE, _GAP, _LINE = 96, 4, 16
_MOST_CLASSES = 32


class ContactSheet:
    """Collects examples as they are inspected, a few of each class."""

    def __init__(self) -> None:
        self._tiles: dict[int, list[Bytes]] = {}

    def add(self, example: Example) -> None:
        """Keeps the example if its class has not enough of them yet."""
        if example.label not in self._tiles and len(self._tiles) == _MOST_CLASSES:
            return
        tiles = self._tiles.setdefault(example.label, [])
        if len(tiles) < _COLUMNS * _ROWS:
            tiles.append(example.picture.pixels)

    def write(self, path: Path, classes: tuple[str, ...]) -> None:
        """The sheet as a PNG that only its owner can read; raises FileExistsError where there is a file."""
        pillow, drawing = imported("PIL.Image"), imported("PIL.ImageDraw")
        blocks = [(classes[label], tiles) for label, tiles in sorted(self._tiles.items())]
        step = _TILE + _GAP
        height = 2 * _LINE + sum(_LINE + step * -(-len(tiles) // _COLUMNS) for _, tiles in blocks)
        sheet = pillow.new("RGB", (_COLUMNS * step + _GAP, height), "white")
        draw = drawing.Draw(sheet)
        draw.text((_GAP, 2), WARNING, fill="red")
        top = 2 * _LINE - _GAP
        for name, tiles in blocks:
            draw.text((_GAP, top), ascii(shown(name))[1:-1], fill="black")
            top += _LINE
            for at, pixels in enumerate(tiles):
                place = (_GAP + at % _COLUMNS * step, top + at // _COLUMNS * step)
                sheet.paste(_tile(pillow, pixels), place)
            top += step * -(-len(tiles) // _COLUMNS)
        make_directory(path.parent)
        with path.open("xb") as file:
            path.chmod(0o600)
            sheet.save(file, format="PNG")


def _tile(pillow: Any, pixels: Bytes) -> Any:
    """An image in the size of a tile, as it is: enlarged by whole pixels."""
    coloured = np.broadcast_to(pixels, (3, *pixels.shape[1:])).transpose(1, 2, 0)
    image = pillow.fromarray(np.ascontiguousarray(coloured))
    high, wide = pixels.shape[1:]
    largest = max(high, wide)
    size = (max(1, wide * _TILE // largest), max(1, high * _TILE // largest))
    return image.resize(size, resample=pillow.Resampling.NEAREST)
