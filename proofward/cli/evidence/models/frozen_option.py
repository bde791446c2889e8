"""The frozen network of an exported model: in the file that an option names, else beside the model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from proofward.cli.common.answering import Refused

if TYPE_CHECKING:
    from proofward.report.handover.models.exported_model import ExportedModel


def with_frozen_network(model: ExportedModel, path: Path, chosen: Path | None) -> ExportedModel:
    """The model with its frozen network at hand, if it has one; raises Refused, FeaturesInvalid, UsageError.

    path: of the model's file.
    """
    from proofward.data.columns.schema import FeaturesInvalid
    from proofward.data.frozen_part import FROZEN_NAME
    from proofward.models.graph.frozen.file import read_frozen_network
    from proofward.models.graph.parts.refusals import ImportRefused

    frozen = model.frozen
    if frozen is None:
        if chosen is not None:
            raise click.UsageError("--frozen: the model has no frozen network")
        return model
    beside = [path.with_name(frozen.name), path.with_name(FROZEN_NAME)]
    found = chosen or next((file for file in beside if file.is_file()), None)
    if found is None:
        words = f"{path} needs the frozen network {frozen.name}, {frozen.digest.hex()}"
        raise Refused(f"{words}: put its file beside the model, or give --frozen FILE")
    try:
        return model.with_frozen_network(read_frozen_network(found))
    except ImportRefused as error:
        raise Refused(f"{found} is not taken in:", error.problems) from error
    except FeaturesInvalid as error:
        raise Refused(f"{found}: {error}") from error
