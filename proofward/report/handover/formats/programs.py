"""A model in every format that it leaves in: files of weights, and programs that compute by themselves.

A program computes with real numbers what the model computes with integers, so it goes with its error on
records and the bound of that error.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proofward.report.handover.formats.agreement import Agreement, Program, compared, drawn_rows
from proofward.report.handover.formats.exported_onnx import onnx_program
from proofward.report.handover.formats.exported_torch import torch_program
from proofward.report.handover.models.exported_model import WRITERS, ExportedModel

PROGRAMS: dict[str, Callable[[ExportedModel], tuple[bytes, Program]]] = {
    "onnx": onnx_program, "torch": torch_program,
}  # fmt: skip


def written(
    model: ExportedModel, kind: str, values: NDArray[np.float64] | None = None
) -> tuple[bytes, Agreement | None]:
    """The file in one of the formats, and of a program how far it is from the model.

    values: records (n, features) on which a program is compared; drawn ones where there are none. Raises
    ImportRefused, ModelInvalid.
    """
    if kind in WRITERS:
        return WRITERS[kind](model), None
    data, program = PROGRAMS[kind](model)
    chosen: Any = drawn_rows(model) if values is None else values
    return data, compared(model, program, chosen, single=kind == "onnx")
