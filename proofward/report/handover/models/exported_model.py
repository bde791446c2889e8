"""A model to take home: its weights with all that is needed to use them and to find where they come from.

Two formats with the same content. safetensors has the description in its metadata, and for every tensor the
exact integers, int64, beside their real values, float64: `layer1.weight.integers` and `layer1.weight`. JSON
has both as lists. An exported file is a function of the ledger up to the end of a round and of the features'
description: every member makes the same bytes.

The integers are the model. Real values are integer / 2^weight_bits, and must be that when a file is read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proofward import __version__
from proofward.data.frozen.network import FrozenNetwork
from proofward.data.frozen_part import FrozenPart
from proofward.data.image_schema import ImageSchema
from proofward.federation.messages.basics.values import integers_to_bytes
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.basics.plain import integer
from proofward.layers.networks.network import Network
from proofward.layers.rules.model import FixedPoint, Int64Array
from proofward.relations.rules.limits import MOST_PARAMETERS
from proofward.report.handover.models.computation import computation
from proofward.report.handover.models.description import Description, FeaturesInvalid, check_classes

FORMAT = "proofward/exported-model/v1"
INTEGERS = ".integers"
_NETWORK = ("widths", "inputs", "row", "layers", "class_weights")
"""The values of `Network.to_dict`."""
MAX_HEADER_BYTES = 1 << 26
MAX_FILE_BYTES = 1 << 31
MOST = (1 << 32) - 1  #: rounds, and entries of a ledger
Shape = tuple[int, ...]
Tensor = tuple[Int64Array, NDArray[np.float64]]
Reader = Callable[[str, Shape], Tensor]


class ModelInvalid(ValueError):
    """A file of this format that is damaged or contradicts itself: what is wrong."""


class NotAModel(ValueError):
    """No exported model at all: what it is, and what to do."""


@dataclass(frozen=True)
class Origin:
    """Where a model comes from: a consortium, a round, and its ledger at the end of that round.

    consortium: digest of the rules. entries, root: of the ledger up to the entry that closed the round.
    proofward: the version that exported the model.
    """

    federation: str
    consortium: bytes
    round: int
    rounds: int
    entries: int
    root: bytes
    proofward: str = __version__


@dataclass(frozen=True)
class ExportedModel:
    """weights: flat int64 (parameters,) at scale 2^scales.weight_bits."""

    origin: Origin
    model: Network
    scales: FixedPoint
    description: Description
    weights: Int64Array

    def __post_init__(self) -> None:
        inputs, features = self.model.features, len(self.description.columns)
        if inputs != features:
            raise ModelInvalid(f"the model has {inputs} inputs, {features} features are described")
        outputs, classes = self.model.head.classes, len(self.description.classes)
        if outputs != classes:
            raise ModelInvalid(f"the model has {outputs} outputs, {classes} classes are described")
        axes, images = self.model.inputs.axes, self.description.images
        if images is not None and not self.model.is_mlp and axes != images.axes:
            raise ModelInvalid(f"the model takes pictures of {axes}, the rule makes them of {images.axes}")
        if images is not None and self.model.row != images.row_size:
            described = f"{images.row_size} are described"
            raise ModelInvalid(f"the model takes rows of {self.model.row} values, {described}")

    @property
    def digest(self) -> bytes:
        """SHA-256 of the model object, by which the ledger names it."""
        return hashlib.sha256(integers_to_bytes(self.weights)).digest()

    def tensors(self) -> Iterator[tuple[str, Int64Array]]:
        """Names and integers."""
        for index, parts in enumerate(self.model.unflatten(self.weights), 1):
            for name, part in zip(("weight", "bias"), parts, strict=True):
                yield f"layer{index}.{name}", part

    def real(self, integers: Int64Array) -> NDArray[np.float64]:
        """What integers of weights stand for; exact below 2^53 in magnitude."""
        return integers.astype(np.float64) / float(1 << self.scales.weight_bits)

    def to_plain(self) -> dict[str, object]:
        """The description, in plain values."""
        origin, scales = self.origin, self.scales
        return {
            "format": FORMAT,
            "proofward": origin.proofward,
            "federation": origin.federation,
            "consortium": origin.consortium.hex(),
            "ledger": {"entries": origin.entries, "root": origin.root.hex()},
            "round": origin.round,
            "rounds": origin.rounds,
            "model": self.digest.hex(),
            **self.model.to_dict(),
            "scales": scales.to_dict(),
            "weight_scale_bits": scales.weight_bits,
            **self._inputs(),
            "classes": list(self.description.classes),
            "computation": computation(self.model, scales, self.description.images),
        }

    @property
    def frozen(self) -> FrozenPart | None:
        """The frozen network that makes the features of pictures."""
        images = self.description.images
        return None if images is None else images.frozen

    def with_frozen_network(self, network: FrozenNetwork) -> ExportedModel:
        """With that network at hand; raises FeaturesInvalid for another one."""
        images, frozen = self.description.images, self.frozen
        assert images is not None and frozen is not None
        return replace(self, description=Description.of_images(images.with_frozen(frozen, network)))

    def _inputs(self) -> dict[str, object]:
        """What the features are: columns of a table, or how pictures are made."""
        images = self.description.images
        if images is not None:
            return {"images": images.to_plain()}
        return self.description.exported()

    def to_json(self) -> bytes:
        """The file in JSON."""
        tensors = {
            name: {"shape": list(part.shape), "integers": part.tolist(), "floats": self.real(part).tolist()}
            for name, part in self.tensors()
        }
        document = {**self.to_plain(), "tensors": tensors}
        return (json.dumps(document, ensure_ascii=False, indent=None) + "\n").encode()

    def to_safetensors(self) -> bytes:
        """The file in safetensors."""
        text = json.dumps(self.to_plain(), ensure_ascii=False)
        header: dict[str, object] = {"__metadata__": {"format": FORMAT, "description": text}}
        data: list[bytes] = []
        position = 0
        for name, part in self.tensors():
            real = self.real(part).astype("<f8").tobytes()
            exact = integers_to_bytes(part)
            for title, dtype, held in ((name, "F64", real), (name + INTEGERS, "I64", exact)):
                end = position + len(held)
                header[title] = {
                    "dtype": dtype, "shape": list(part.shape), "data_offsets": [position, end],
                }  # fmt: skip
                data.append(held)
                position = end
        head = json.dumps(header, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        head += b" " * (-len(head) % 8)
        return b"".join((len(head).to_bytes(8, "little"), head, *data))


WRITERS = {"safetensors": ExportedModel.to_safetensors, "json": ExportedModel.to_json}


def read_exported(data: bytes) -> ExportedModel:
    """The model in a file of either format; raises NotAModel, ModelInvalid."""
    if data[:1] == b"{":
        plain = _document(data, NotAModel)
        tensors = plain.get("tensors")
        return _model(plain, partial(_from_lists, tensors) if isinstance(tensors, dict) else None)
    if len(data) < 10 or data[8:9] != b"{":
        raise NotAModel("neither JSON nor safetensors: `proofward model export` writes files of both")
    length = int.from_bytes(data[:8], "little")
    if length > min(len(data) - 8, MAX_HEADER_BYTES):
        raise NotAModel(f"a safetensors header of {length} bytes in a file of {len(data)}")
    header = _document(data[8 : 8 + length], NotAModel)
    metadata = header.get("__metadata__")
    if not isinstance(metadata, dict) or metadata.get("format") != FORMAT:
        found = metadata.get("format") if isinstance(metadata, dict) else None
        words = f"safetensors of {found or 'another program'}, without the columns' names and scaling"
        raise NotAModel(f"{words}: `proofward model export` writes a file that has them")
    plain = _document(str(metadata.get("description", "")).encode(), ModelInvalid)
    return _model(plain, partial(_from_bytes, header, data[8 + length :]))


def _document(data: bytes, wrong: type[NotAModel] | type[ModelInvalid]) -> dict[str, Any]:
    try:
        plain = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise wrong(f"no JSON: {error}") from error
    if not isinstance(plain, dict):
        raise wrong("JSON, but no model")
    return plain


def _model(plain: dict[str, Any], tensor: Reader | None) -> ExportedModel:
    if plain.get("format") != FORMAT or tensor is None:
        other = repr(plain.get("format"))[:60]
        raise NotAModel(f"format {other}, expected {FORMAT!r}: `proofward model export` writes it")
    try:
        model = Network.from_dict({name: plain[name] for name in _NETWORK if name in plain})
        integer("parameters", model.parameters, 1, MOST_PARAMETERS)
        scales = FixedPoint.from_dict(plain["scales"])
        scales.check_layers(len(model.activations))
        description = _description(plain)
        if description.images is not None:
            description.images.check(scales)
        ledger = plain["ledger"]
        origin = Origin(
            str(plain["federation"]),
            bytes.fromhex(plain["consortium"]),
            integer("round", plain["round"], 0, MOST),
            integer("rounds", plain["rounds"], 0, MOST),
            integer("entries", ledger["entries"], 0, MOST),
            bytes.fromhex(ledger["root"]),
            str(plain["proofward"]),
        )
        said = bytes.fromhex(plain["model"])
    except (KeyError, TypeError, ValueError, ConfigurationError, FeaturesInvalid) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise ModelInvalid(f"its description: {reason}") from error
    found = ExportedModel(origin, model, scales, description, np.zeros(model.parameters, np.int64))
    parts = []
    for name, part in found.tensors():
        integers, real = tensor(name, part.shape)
        if not np.array_equal(real, found.real(integers)):
            raise ModelInvalid(f"tensor {name}: its floats are not its integers / 2^{scales.weight_bits}")
        parts.append(integers.reshape(-1))
    whole = ExportedModel(origin, model, scales, description, np.concatenate(parts))
    if whole.digest != said:
        actual = whole.digest.hex()
        raise ModelInvalid(f"its weights were changed: expected model {said.hex()}, found {actual}")
    return whole


def _description(plain: dict[str, Any]) -> Description:
    """What inputs and outputs mean; raises FeaturesInvalid and what wrong types raise."""
    classes = check_classes(plain["classes"])
    if "images" not in plain:
        return Description.of_exported(plain["features"], plain.get("columns"), classes)
    found = Description.of_images(ImageSchema.from_plain(plain["images"]))
    if found.classes != classes:
        raise FeaturesInvalid(f"classes: expected those of the images, {found.classes}, found {classes}")
    return found


def _from_lists(tensors: dict[str, Any], name: str, shape: Shape) -> Tensor:
    entry = tensors.get(name)
    if not isinstance(entry, dict):
        raise ModelInvalid(f"tensor {name} is missing")
    try:
        plain = np.array(entry["integers"], dtype=object).reshape(-1)
        real = np.array(entry["floats"], dtype=np.float64)
        if not all(type(value) is int for value in plain):
            raise ModelInvalid(f"tensor {name}: expected integers of 64 bits")
        integers = plain.astype(np.int64)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ModelInvalid(f"tensor {name}: expected integers and floats of shape {list(shape)}") from error
    if integers.size != int(np.prod(shape)) or real.shape != shape:
        raise ModelInvalid(f"tensor {name}: expected the shape {list(shape)}")
    return integers.reshape(shape), real


def _from_bytes(header: dict[str, Any], data: bytes, name: str, shape: Shape) -> Tensor:
    integers = _held(header, data, name + INTEGERS, "I64", shape)
    real = _held(header, data, name, "F64", shape)
    return (
        np.frombuffer(integers, "<i8").astype(np.int64).reshape(shape),
        np.frombuffer(real, "<f8").astype(np.float64).reshape(shape),
    )


def _held(header: dict[str, Any], data: bytes, name: str, dtype: str, shape: Shape) -> bytes:
    entry = header.get(name)
    length = 8 * int(np.prod(shape))
    match entry:
        case {"dtype": kind, "shape": sizes, "data_offsets": [int() as start, int() as end]}:
            fits = start >= 0 and end - start == length and end <= len(data)
            if kind == dtype and sizes == list(shape) and fits:
                return data[start:end]
    raise ModelInvalid(f"tensor {name}: expected {dtype} of shape {list(shape)}, {length} bytes")
