"""An exported model as a PyTorch module, and as a program that torch alone can load.

The module takes records in the features' own units and gives logits, in double precision: it centres,
scales, rounds and clips as at enrolment, and saturates hidden values as in training. Records are rows of a
table, (n, features), or pictures, (n, channels, height, width), which the module also takes flattened; where
a row goes with each, the module takes both, (n, features of a row) behind.
Nothing is pickled: the module is built from an exported model's safetensors or JSON, and `torch.export.load`
reads the program.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from proofward.layers.activations.activation import Activation
from proofward.layers.activations.relu import Relu
from proofward.layers.activations.relu_maxpool2d import ReluMaxPool2d
from proofward.layers.activations.relu_mean import ReluAvgPool2d, ReluGlobalAvgPool
from proofward.layers.basics.record import FIRST, ROW
from proofward.layers.convolutions.conv2d import Conv2d
from proofward.layers.networks.network import Network
from proofward.layers.networks.real_pass import added
from proofward.ledger.reading import NotReadable, read_regular
from proofward.models.graph.parts.refusals import require_package
from proofward.report.handover.formats.agreement import FloatArray, Program, parts_of, scaling
from proofward.report.handover.models.exported_model import (
    ExportedModel,
    ModelInvalid,
    NotAModel,
    read_exported,
)

MAX_BYTES = 1 << 31
DESCRIPTION = "proofward.json"
_PARTS = {FIRST: "", ROW: "_row"}
"""What the names of a part's buffers end with."""


def to_torch(path: Path | str) -> Any:
    """The torch.nn.Module of a file that `proofward model export --to safetensors` or `json` wrote.

    Its attributes `features` and `classes` hold the names.

    Args:
        path: The file.

    Raises:
        NotAModel: The file holds no model.
        ModelInvalid: The model in it contradicts itself.
        ImportRefused: torch is not installed.
    """
    try:
        return module_of(read_exported(read_regular(Path(path), MAX_BYTES, follow=True)))
    except NotReadable as error:
        raise NotAModel(f"{path}: expected {error.expected}, found {error.actual}") from error


def module_of(model: ExportedModel) -> Any:
    """The module of an exported model."""
    require_package("torch")
    import torch

    scales = model.scales
    unit = float(1 << scales.activation_bits)
    low, high = scales.input_range
    layouts = model.model.record.layouts
    pools = [_pool(own) for own in model.model.activations]
    limits = [scales.of_layer(place).real_limit for place in range(len(pools))]
    addends = [model.model.joints.sums(place, 0) for place in range(model.model.depth)]
    reads = [model.model.joints.reads(layer) for layer in range(len(model.model.layers))]

    class Exported(torch.nn.Module):
        """Records in their own units to logits, float64."""

        def __init__(self) -> None:
            super().__init__()
            self.features = tuple(entry.name for entry in model.description.features)
            self.classes = model.description.classes
            for name, held in zip(("centre", "spread"), scaling(model), strict=True):
                for place, (own,) in parts_of(model, held[None]).items():
                    self.register_buffer(f"{name}{_PARTS[place]}", torch.from_numpy(own.copy()))
            self.layers = torch.nn.ModuleList(_layers(model.model))
            for layer, (weight, bias) in zip(self.layers, model.model.unflatten(model.weights), strict=True):
                layer.weight.data = torch.from_numpy(model.real(weight))
                layer.bias.data = torch.from_numpy(model.real(bias))

        def forward(self, records: Any) -> Any:
            return self.logits({FIRST: records})

        def logits(self, parts: dict[int, Any]) -> Any:
            """Of the parts of records, by place."""
            values = {place: self.scaled(place, own) for place, own in parts.items()}
            for place, (pool, limit) in enumerate(zip(pools, limits, strict=True)):
                values[place + 1] = pool(torch.clamp(self.sums(place, values), 0, limit))
            return self.sums(len(pools), values)

        def scaled(self, place: int, given: Any) -> Any:
            """A part's values as the first layers take them."""
            centre, spread = (getattr(self, f"{name}{_PARTS[place]}") for name in ("centre", "spread"))
            shaped = given.double().reshape(given.shape[0], *layouts[place].axes)
            return torch.clamp(torch.round((shaped - centre) / spread * unit), low, high) / unit

        def sums(self, place: int, values: dict[int, Any]) -> Any:
            """Those of a layer of the chain, and what joins them."""
            own = addends[place]
            made = [_sums(self.layers[layer], values[reads[layer]]) for layer, _ in own.layers]
            return added([*made, *(values[source] for source, _ in own.direct)])

    class WithRow(Exported):
        """Records and their rows, in their own units, to logits, float64."""

        def forward(self, records: Any, row: Any) -> Any:  # type: ignore[override]  # a module's own inputs
            return self.logits({FIRST: records, ROW: row})

    return (WithRow() if model.model.row else Exported()).eval()


def _layers(network: Network) -> list[Any]:
    """Modules of the trainer's layers, without their weights."""
    import torch

    made: list[Any] = []
    for layer in network.layers:
        if isinstance(layer, Conv2d):
            sizes = (layer.inputs.axes[0], layer.outputs, layer.kernel, layer.stride, layer.padding)
            made.append(torch.nn.Conv2d(*sizes, groups=layer.groups, dtype=torch.float64))
        else:
            made.append(torch.nn.Linear(layer.fan_in, layer.gives.size, dtype=torch.float64))
    return made


def _pool(activation: Activation) -> Callable[[Any], Any]:
    """What an activation does with values that have saturated."""
    from torch.nn import functional

    side = activation.window
    known: dict[type[Activation], Callable[[Any], Any]] = {
        Relu: lambda values: values,
        ReluMaxPool2d: lambda values: functional.max_pool2d(values, side),
        ReluAvgPool2d: lambda values: functional.avg_pool2d(values, side),
        ReluGlobalAvgPool: lambda values: functional.adaptive_avg_pool2d(values, 1),
    }
    return known[type(activation)]


def _sums(layer: Any, values: Any) -> Any:
    """A layer's sums; a linear one takes pictures in one row, channel after channel."""
    pictures = layer.weight.dim() == 4
    return layer(values if pictures else values.flatten(1))


def torch_program(model: ExportedModel) -> tuple[bytes, Program]:
    """The file of `torch.export.save`, and what it computes when it is loaded again."""
    module = module_of(model)
    import torch

    layouts = model.model.record.layouts.values()
    examples = tuple(torch.zeros((2, *layout.axes), dtype=torch.float64) for layout in layouts)
    free = tuple({0: torch.export.Dim.DYNAMIC} for _ in examples)
    program = torch.export.export(module, examples, dynamic_shapes=free)
    file = io.BytesIO()
    description = json.dumps(model.to_plain(), ensure_ascii=False)
    torch.export.save(program, file, extra_files={DESCRIPTION: description})
    data = file.getvalue()
    loaded = torch.export.load(io.BytesIO(data)).module()

    def run(rows: FloatArray) -> FloatArray:
        if len(rows) == 0:
            raise ModelInvalid("no records to compare on")
        given = [torch.from_numpy(own.copy()) for own in parts_of(model, rows).values()]
        with torch.no_grad():
            return np.asarray(loaded(*given).numpy(), dtype=np.float64)

    return data, run
