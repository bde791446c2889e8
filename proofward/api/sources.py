"""What `fit` is given: a table for each hospital; and what they agree on, where no consortium's file says it.

Centre and spread of every feature have to be public and the same at every hospital. Whoever holds all tables
may compute them over all rows, which is done here. In a consortium nobody holds all tables: there the numbers
come from consortium.toml, which all agree on before anybody trains.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proofward.api.held import Held, HeldTable, is_frame
from proofward.api.refusals import TablesRefused, refusing
from proofward.cli.kit.records.data_file import DataFile
from proofward.data.columns.schema import DECIMALS, Feature, Label, Notation, folded, plain_number
from proofward.data.reading.problems import Problems, listed
from proofward.data.tables.table_file import CSV_ERRORS, TableFile
from proofward.report.handover.predictions.prediction import read_records


@dataclass(frozen=True)
class Columns:
    """Of one table: features' names in its order, their values float64 (n, d), and the labels as texts."""

    names: tuple[str, ...]
    values: NDArray[np.float64]
    labels: tuple[str, ...]


def source_of(table: Any, y: Any, notation: Notation, names: Sequence[str] | None) -> DataFile:
    """A table in any of the forms that are taken; raises TablesRefused.

    y: labels of an array or a frame, None for those of the table's own column. names: of an array's columns.
    """
    if isinstance(table, tuple) and len(table) == 2 and y is None:
        table, y = table
    if isinstance(table, str | os.PathLike):
        path = Path(os.fspath(table))
        if y is not None:
            raise TablesRefused(f"{path}: the labels of a file stand in its column {notation.label.column}")
        if not path.is_file():
            raise TablesRefused(f"{path} is no file")
        return DataFile(path, decimal=DECIMALS[notation.decimal])
    if y is None and not is_frame(table):
        words = "a pair (X, y), a data frame with the column of the label, or the path of a CSV file"
        raise TablesRefused(f"expected {words}, found {type(table).__name__}")
    held = Held.of(table, y, notation.label.column, names)
    return HeldTable(Path("the data frame" if is_frame(table) else "the array"), held=held)


def sources_of(
    sites: Mapping[str, Any], notation: Notation, names: Sequence[str] | None
) -> dict[str, DataFile]:
    """A source for each hospital; raises TablesRefused with what is wrong with any."""
    if not isinstance(sites, Mapping):
        words = "a mapping from each hospital's name to its table"
        raise TablesRefused(f"sites: expected {words}, found {type(sites).__name__}")
    found, problems = {}, []
    for name, table in sites.items():
        try:
            found[str(name)] = source_of(table, None, notation, names)
        except TablesRefused as error:
            problems.append(f"{name}: {error}")
    if problems:
        raise TablesRefused("nothing was run", problems)
    return found


def columns_of(source: DataFile, notation: Notation) -> Columns:
    """All columns that are neither the label's nor ignored; raises TablesRefused."""
    label = folded(notation.label.column)
    ignored = {folded(name) for name in (*notation.ignore, *filter(None, [notation.id]))}
    names = source.held.names if isinstance(source, HeldTable) else _header(source.path, notation)
    keys = [folded(name) for name in names]
    if label not in keys:
        words = "which is to hold the label: name another with label="
        raise TablesRefused(f"there is no column {label}, {words}")
    if twice := sorted({key for key in keys if keys.count(key) > 1}):
        raise TablesRefused(f"there twice: {listed(twice)}")
    places = [at for at, key in enumerate(keys) if key != label and key not in ignored]
    if not places:
        raise TablesRefused("there is no column beside the label's and those that are ignored")
    chosen = tuple(keys[at] for at in places)
    if isinstance(source, HeldTable):
        problems = Problems()  # which are said, with their places, when the table is taken in
        values = np.column_stack([source.held.numbers(at, problems) for at in places])
        return Columns(chosen, values, tuple(source.held.texts(keys.index(label))))
    with refusing(TablesRefused):
        columns = [Feature(name, 0.0, 1.0) for name in chosen]
        records = read_records(source.path, columns, notation.decimal, key=label)
    return Columns(chosen, records.values, tuple(text.strip() for text in records.keys))


def _header(path: Path, notation: Notation) -> Sequence[str]:
    try:
        with refusing(TablesRefused), TableFile(path).rows(notation.delimiter, notation.decimal) as rows:
            cells = next(rows, [])
    except CSV_ERRORS as error:
        raise TablesRefused("the file is no UTF-8 text: save it as CSV UTF-8") from error
    while cells and not cells[-1].strip():
        cells.pop()
    return cells


def all_columns(sources: Mapping[str, DataFile], notation: Notation) -> dict[str, Columns]:
    """Those of every site; raises TablesRefused where any differs from the first."""
    found: dict[str, Columns] = {}
    problems: list[str] = []
    for name, source in sources.items():
        try:
            found[name] = columns_of(source, notation)
        except TablesRefused as error:
            problems.append(f"{source.path} of {name}: {error}")
    first, *others = found or [""]
    for name in others:
        own, known = set(found[name].names), set(found[first].names)
        differences = [
            f"{words} {listed(sorted(names))}"
            for words, names in (("it lacks", known - own), ("it has besides", own - known))
            if names
        ]
        if differences:
            where = f"{sources[name].path} of {name}"
            problems.append(f"{where}: other columns than {first} has: {'; '.join(differences)}")
    if problems:
        raise TablesRefused("nothing was run", problems)
    return found


def computed_features(found: Mapping[str, Columns]) -> tuple[Feature, ...]:
    """Centre and spread, mean and standard deviation, of every column over the rows of all sites.

    What is no number is left out here and refused when the tables are taken in. A constant has spread 1.
    """
    names = next(iter(found.values())).names
    features = []
    for name in names:
        values = np.concatenate([own.values[:, own.names.index(name)] for own in found.values()])
        values = values[np.isfinite(values)]
        centre, spread = (float(values.mean()), float(values.std())) if len(values) else (0.0, 1.0)
        features.append(Feature(name, centre, spread if spread > 0 else 1.0))
    return tuple(features)


def computed_classes(found: Mapping[str, Columns], column: str) -> Label:
    """The classes that are there: by value where all are numbers, else by the alphabet.

    Raises TablesRefused.
    """
    texts = {text for own in found.values() for text in own.labels if text}
    numbers = [number for text in texts if (number := plain_number(text)) is not None]
    if len(numbers) == len(texts):
        ordered = sorted(texts, key=lambda text: plain_number(text) or 0.0)
    else:
        ordered = sorted(texts)
    if len(ordered) < 2:
        count = {0: "no class", 1: "one class"}[len(ordered)]
        raise TablesRefused(f"expected labels of two classes or more in all tables together, found {count}")
    with refusing(TablesRefused):
        return Label.of(column, ordered)
