"""All that leaves with a model: its file, or its folder as a MONAI bundle, and the two forms of its card."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from proofward.ledger.files import make_directory, write_out
from proofward.ledger.reading import NotReadable, read_regular
from proofward.report.handover.formats.agreement import Agreement
from proofward.report.handover.formats.monai_bundle import KIND, METADATA, bundle_files
from proofward.report.handover.formats.programs import written
from proofward.report.handover.models.model_card import Figures, ModelCard, model_card
from proofward.report.handover.models.model_source import Taken

SUFFIXES = {"safetensors": ".safetensors", "json": ".json", "onnx": ".onnx", "torch": ".pt2"}
KINDS = (*SUFFIXES, KIND)
METRICS_NAME = "metrics.json"
MAX_BYTES = 1 << 26


class NotOurs(ValueError):
    """What is there is no bundle that may be replaced."""


@dataclass(frozen=True)
class HandedModel:
    """inside: files of a folder by their paths, or one file, named ""; card: beside or within it."""

    inside: Mapping[str, bytes]
    card: ModelCard
    agreement: Agreement | None

    def write(self, path: Path) -> None:
        """At `path`, replacing what is there; raises NotOurs, OSError."""
        if "" in self.inside:
            _write(path, self.inside[""])
        else:
            _write_folder(path, self.inside)
        for name, data in self.card.files(path.name).items():
            _write(path.with_name(name), data)

    def there(self, path: Path) -> Path | None:
        """What would be replaced, if there is anything."""
        places = (path, *(path.with_name(name) for name in self.card.files(path.name)))
        return next((place for place in places if place.exists()), None)


def handed(
    taken: Taken,
    kind: str,
    name: str,
    *,
    values: NDArray[np.float64] | None = None,
    figures: Sequence[Figures] = (),
    intended: str = "",
) -> HandedModel:
    """The model in one of KINDS, as the file or folder `name`.

    values: records on which a program is compared; drawn ones where there are none. intended: see
    `model_card`. Raises ImportRefused, ModelInvalid.
    """
    model = taken.model
    card = model_card(model, taken.history, name=name, kind=kind, figures=figures, intended=intended)
    if kind == KIND:
        inside, agreement = bundle_files(model, name=name, card=card.markdown, intended=intended)
        return HandedModel(inside, card, agreement)
    data, compared = written(model, kind, values)
    return HandedModel({"": data}, card, compared)


def recorded_figures(folder: Path, taken: Taken) -> list[Figures]:
    """Those that a demonstration has left of this model in its folder."""
    try:
        plain = json.loads(read_regular(folder / METRICS_NAME, MAX_BYTES))
        if plain["model"] != taken.model.digest.hex():
            return []
        found = plain["held_out"]
        by_round, rows = found["by_round"], int(found["rows"])
        values = [
            (what, f"{float(by_round[key][-1]):.4f}")
            for key, what in (
                ("auc", "AUC"),
                ("accuracy", "accuracy"),
                ("loss", "loss (cross-entropy, nats)"),
            )
            if by_round.get(key)
        ]
    except (NotReadable, ValueError, KeyError, TypeError, IndexError, RecursionError):
        return []  # no run of a demonstration, which alone writes such a file
    basis = f"On {rows:,} records that no hospital trained on, found by whoever ran the demonstration: "
    return [Figures(f"{basis}neither signed nor proved.", values)]


def _write(path: Path, data: bytes) -> None:
    write_out(path, data, 0o644)


def _write_folder(path: Path, files: Mapping[str, bytes]) -> None:
    """The folder appears whole; only a bundle is replaced."""
    if path.exists() and not (path.is_dir() and (path / METADATA).is_file()):
        raise NotOurs(f"{path} is there and is no bundle: name a folder that is not there yet")
    making = path.with_name(f".{path.name}.writing")
    shutil.rmtree(making, ignore_errors=True)
    for name, data in files.items():
        make_directory((making / name).parent)
        _write(making / name, data)
    if path.exists():
        shutil.rmtree(path)
    making.rename(path)
