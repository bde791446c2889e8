"""The frozen network in a file that somebody names: an ONNX file, a torch program, or our own encoding."""

from __future__ import annotations

from pathlib import Path

from proofward.data.frozen.network import MAX_BYTES, FrozenNetwork
from proofward.layers.basics.errors import ConfigurationError
from proofward.ledger.reading import NotReadable, check_regular, read_regular
from proofward.models.graph.parts.refusals import ImportRefused, refusing

ONNX, TORCH = ".onnx", ".pt2"


class NoFrozenNetwork(ImportRefused):
    """Bytes that are none of the three kinds of files."""


def read_frozen_network(path: Path) -> FrozenNetwork:
    """By the file's suffix; raises ImportRefused with all that is wrong, NoFrozenNetwork for another file."""
    try:
        check_regular(path.resolve(), MAX_BYTES)
        if path.suffix.lower() == ONNX:
            from proofward.models.graph.frozen.from_onnx import frozen_from_onnx

            with refusing(path):
                return frozen_from_onnx(path)
        if path.suffix.lower() == TORCH:
            from proofward.models.graph.frozen.from_torch import frozen_from_pt2

            with refusing(path):
                return frozen_from_pt2(path)
        data = read_regular(path, MAX_BYTES, follow=True)
        try:
            return FrozenNetwork.from_bytes(data)
        except ConfigurationError as error:
            words = f"expected a file *{ONNX} or *{TORCH}, or {error.expected}, found {error.actual}"
            raise NoFrozenNetwork([f"{path}: {words}"]) from error
    except (NotReadable, ConfigurationError) as error:
        raise ImportRefused([f"{path}: expected {error.expected}, found {error.actual}"]) from error
