"""The libraries of the extra `[images]`, imported when an image is read; nothing else needs them."""

from __future__ import annotations

import importlib
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from proofward.data.images.contract.refusal import ImagesExtraMissing

_INSTALLED_AS = {
    "PIL": "pillow",
    "h5py": "h5py",
    "pydicom": "pydicom",
    "libjpeg": "pylibjpeg-libjpeg",
    "openjpeg": "pylibjpeg-openjpeg",
    "rle": "pylibjpeg-rle",
}


def imported(module: str) -> Any:
    """A module of one of these libraries; raises ImagesExtraMissing with what to install."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = _INSTALLED_AS[module.split(".")[0]]
        words = f"images need {package}, which is not installed: pip install 'proofward[images]'"
        raise ImagesExtraMissing(words) from error


@contextmanager
def quiet() -> Iterator[None]:
    """Keeps what the libraries warn of to themselves: their warnings repeat values of elements."""
    loggers = [logging.getLogger(name) for name in ("pydicom", "PIL")]
    before = [(logger, logger.propagate, logger.handlers) for logger in loggers]
    try:
        for logger in loggers:
            logger.propagate, logger.handlers = False, [logging.NullHandler()]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, propagate, handlers in before:
            logger.propagate, logger.handlers = propagate, handlers
