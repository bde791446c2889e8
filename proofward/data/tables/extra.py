"""The libraries of the extra `[tables]`, imported when a file of theirs is read; CSV needs none of them."""

from __future__ import annotations

import importlib
from typing import Any

from proofward.data.tables.refusal import TablesExtraMissing

_INSTALLED_AS = {
    "pyarrow": ("Parquet files and data frames need", "pyarrow"),
    "python_calamine": ("Excel files need", "python-calamine"),
    "h5py": ("HDF5 files need", "h5py"),
}


def imported(module: str) -> Any:
    """A module of one of these libraries; raises TablesExtraMissing with what to install."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        what, package = _INSTALLED_AS[module.split(".")[0]]
        words = f"{what} {package}, which is not installed: pip install 'proofward[tables]'"
        raise TablesExtraMissing(words) from error
