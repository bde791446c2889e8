"""A network of PyTorch or ONNX as a first model: its layers as settings, its weights as a file."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from proofward.api.refusals import SettingsRefused
from proofward.layers.networks.network import Network
from proofward.models.graph.parts.network import ImportedNetwork
from proofward.models.layer_lines import lines_of
from proofward.models.settings import SCALES
from proofward.report.handover.models.model_files import safetensors_bytes

NAME = "first.safetensors"
_ITS_OWN = ("hidden", "layers")


class FirstNetwork:
    """The file lies in a temporary folder, which goes with this object.

    Attributes:
        path: The file, in safetensors.
        settings: `hidden` of a perceptron, `layers` of any other network.
    """

    def __init__(self, network: ImportedNetwork) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="proofward-")
        self.model = model = network.model
        self.path = Path(self._folder.name) / NAME
        self.path.write_bytes(safetensors_bytes(model, network.first_weights(SCALES).weights))
        self.settings: dict[str, Any] = {"layers": lines_of(model)}
        if model.is_mlp:
            self.settings = {"hidden": list(model.widths[1:-1])}

    def check(self, model: Network) -> None:
        """Raises SettingsRefused unless it is the network that a federation trains."""
        if model != self.model:
            words = f"a network {model.words}, as pictures, rows and classes make it"
            raise SettingsRefused(f"first_model: expected {words}, found {self.model.words}")


def first_network(given: Mapping[str, Any]) -> FirstNetwork | None:
    """Of the keyword `first_model`, None where it is no network.

    Raises SettingsRefused for layers beside it.
    """
    network = given.get("first_model")
    if not isinstance(network, ImportedNetwork):
        return None
    for name in _ITS_OWN:
        if given.get(name) is not None:
            words = "no layers beside a first model that is a network, which has its own"
            raise SettingsRefused(f"{name}: expected {words}, found {given[name]!r:.80}")
    return FirstNetwork(network)
