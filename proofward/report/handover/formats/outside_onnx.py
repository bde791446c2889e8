"""An outside model: a classifier in an ONNX file, of whatever operators onnxruntime has, to be evaluated.

It is run and not taken in: nothing of it is trained or proved. It has one input, of records (n, features) or
(n, channels, height, width), and an output with a score for each class, or one for class 1.

A file of the project's own export names its columns and classes, takes records in their own units, and gives
probabilities in the output of that name. Of any other file the columns are named by whoever evaluates it, and
it gets the values as they are normalised there.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from proofward.data.columns.schema import FeaturesInvalid
from proofward.layers.heads.softmax import real_softmax
from proofward.models.graph.parts.refusals import ImportRefused, refusing, require_package
from proofward.models.graph.parts.steps import FloatArray
from proofward.report.handover.formats.exported_onnx import PROBABILITIES
from proofward.report.handover.models.description import Description, check_classes
from proofward.report.handover.models.exported_model import FORMAT

MAX_BYTES = 1 << 31
ROWS = 256  #: records at a time
ENDING = ".onnx"
_SQUASHING = ("Softmax", "Sigmoid")
"""Operators whose outputs are probabilities."""
TOLERANCE = 1e-3


@dataclass(frozen=True)
class OutsideModel:
    """digest: SHA-256 of the file. axes: of a record, a size of None where the file leaves it open.

    squashed: whether the output is probabilities. described: what its inputs mean, if the file says it.
    batch: records that it takes at a time, 0 for any number.
    """

    digest: bytes
    axes: tuple[int | None, ...]
    batch: int
    squashed: bool
    described: Description | None
    run: Callable[[FloatArray], FloatArray]

    def probabilities(self, records: FloatArray, classes: int) -> FloatArray:
        """float64 (n, classes) of records (n, features), or pictures; raises ImportRefused."""
        if len(records.shape) - 1 != len(self.axes) or any(
            size not in (None, own) for size, own in zip(self.axes, records.shape[1:], strict=True)
        ):
            expected = ", ".join("any" if size is None else str(size) for size in self.axes)
            found = ", ".join(map(str, records.shape[1:]))
            raise ImportRefused([f"it takes records of ({expected}) values, the data gives ({found})"])
        step, count = self.batch or ROWS, len(records)
        whole = np.resize(records, (-(-count // step) * step, *records.shape[1:])) if self.batch else records
        with refusing(Path("the model")):
            parts = [self.run(whole[start : start + step]) for start in range(0, len(whole), step)]
        return self._of_outputs(np.concatenate(parts)[:count], classes)

    def _of_outputs(self, outputs: FloatArray, classes: int) -> FloatArray:
        single = outputs.reshape(len(outputs), -1).shape[1] == 1 and classes == 2
        if not single and outputs.shape[1:] != (classes,):
            words = f"it gives outputs of {outputs.shape[1:]}"
            raise ImportRefused([f"{words}, expected one for each of {classes} classes"])
        if not np.isfinite(outputs).all():
            raise ImportRefused(["it gives outputs that are no numbers for some records"])
        if single:
            own = outputs.reshape(-1)
            own = own if self.squashed else 1 / (1 + np.exp(-np.clip(own, -700, 700)))
            outputs = np.stack([1 - own, own], axis=1)
        elif not self.squashed:
            return real_softmax(outputs)
        far = np.abs(outputs.sum(axis=1) - 1).max() > TOLERANCE
        if far or outputs.min() < 0 or outputs.max() > 1:
            words = "its outputs are taken for probabilities, and are none: say what they are"
            raise ImportRefused([f"{words}, --scores logits"])
        return outputs


def read_outside(path: Path, output: str = "", squashed: bool | None = None) -> OutsideModel:
    """The model in a file; raises ImportRefused.

    output: the name of the one with the scores, "" for the only one, or that of probabilities. squashed:
    whether these are probabilities, None for what the operator that makes them says.
    """
    require_package("onnx")
    require_package("onnxruntime")
    import onnx
    import onnxruntime

    with refusing(path):
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise ImportRefused([f"{path}: expected a file of at most {MAX_BYTES} bytes, found {size}"])
        data = path.read_bytes()
        file = onnx.load_from_string(data)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 4
        session = onnxruntime.InferenceSession(data, options, ["CPUExecutionProvider"])
        inputs = session.get_inputs()
        if len(inputs) != 1 or len(inputs[0].shape) not in (2, 4):
            raise ImportRefused([f"{path}: {_other_inputs([(own.name, own.shape) for own in inputs])}"])
        named = _output(session.get_outputs(), output)
        batch, *axes = [entry if isinstance(entry, int) and entry > 0 else None for entry in inputs[0].shape]
        kind = {"tensor(float)": np.float32, "tensor(double)": np.float64}.get(inputs[0].type)
        if kind is None:
            raise ImportRefused([f"{path}: expected an input of real numbers, found {inputs[0].type}"])
        makers = {name: node.op_type for node in file.graph.node for name in node.output}
        if squashed is None:
            squashed = named == PROBABILITIES or makers.get(named) in _SQUASHING

        def run(records: FloatArray) -> FloatArray:
            found = session.run([named], {inputs[0].name: records.astype(kind)})[0]
            return np.asarray(found, dtype=np.float64)

        described = _described({entry.key: entry.value for entry in file.metadata_props})
        return OutsideModel(hashlib.sha256(data).digest(), tuple(axes), batch or 0, squashed, described, run)


def _other_inputs(inputs: list[tuple[str, list[Any]]]) -> str:
    """Why inputs by name and shape are not taken, and what to do."""
    shown = ", ".join(f"{name} ({', '.join(map(str, shape))})" for name, shape in inputs)
    words = "expected one input, of rows (n, features) or pictures (n, channels, height, width), found"
    if len(inputs) < 2:
        return f"{words} {shown}: export the model so that it takes records in one of these shapes"
    remedy = "one of a picture and a row cannot be evaluated; where all inputs are columns of one table,"
    return f"{words} {shown}: {remedy} export the model with a single input that it parts itself"


def _output(entries: list[Any], wanted: str) -> str:
    """The name of the output with the scores."""
    names = [entry.name for entry in entries if entry.type in ("tensor(float)", "tensor(double)")]
    if wanted or len(names) == 1:
        found = wanted or names[0]
    else:
        found = PROBABILITIES
    if found not in names:
        expected, listed = wanted or "with scores", ", ".join(names) or "none"
        raise ImportRefused([f"expected an output {expected}, found {listed}: name one of them"])
    return found


def _described(metadata: dict[str, str]) -> Description | None:
    """What the project's own export says of its inputs; raises ImportRefused of one that takes pictures."""
    if metadata.get("format") != FORMAT:
        return None
    try:
        plain = json.loads(metadata["description"])
        if "images" in plain:
            words = "a program of pictures, exported by ProofWard: evaluate the same model in safetensors"
            raise ImportRefused([words])
        classes = check_classes(plain["classes"])
        return Description.of_exported(plain["features"], plain.get("columns"), classes)
    except (KeyError, TypeError, FeaturesInvalid) as error:
        raise ImportRefused([f"its description cannot be read: {type(error).__name__}"]) from error
