"""A model of pictures as a MONAI bundle: a folder that MONAI loads and runs without this package.

The network is a TorchScript program. It takes grey levels or colours from 0 to 1, scales, rounds and clips
them as at enrolment, and gives a logit for each class in double precision; nothing in the folder is pickled.
Preparing is MONAI's own: pictures that have the agreed size and 8 bits become the same numbers as here, and
others are resized by MONAI's area interpolation, which may differ in the last bits.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from proofward.data.image_schema import ImageSchema
from proofward.models.graph.parts.refusals import ImportRefused
from proofward.report.handover.formats.agreement import Agreement, FloatArray, compared, drawn_rows, parts_of
from proofward.report.handover.formats.exported_torch import module_of
from proofward.report.handover.models.exported_model import ExportedModel

KIND = "monai"
METADATA, INFERENCE = "configs/metadata.json", "configs/inference.json"
PROGRAM, DESCRIPTION = "models/model.ts", "docs/proofward.json"
README = "docs/README.md"
MONAI_VERSION = "1.6.1"


def bundle_files(
    model: ExportedModel, *, name: str, card: str, intended: str = ""
) -> tuple[dict[str, bytes], Agreement]:
    """The files of the bundle by their paths, and how far its network is from the model.

    card: the model's card in Markdown. intended: what it is for, "" where nobody has said it.
    Raises ImportRefused.
    """
    images = _pictures(model)
    data, agreement = _program(model)
    files = {
        METADATA: _json(_metadata(model, images, name, intended)),
        INFERENCE: _json(inference(model, images)),
        README: card.encode(),
        DESCRIPTION: _json(model.to_plain()),
    }
    return {**files, PROGRAM: data}, agreement


def _pictures(model: ExportedModel) -> ImageSchema:
    images = model.description.images
    reasons = []
    if images is None:
        reasons.append("it takes rows of a table: a bundle is for models of pictures")
    elif images.frozen is not None:
        reasons.append(
            f"it takes what {images.frozen.name} makes of a picture, which stays a file of its own"
        )
    elif model.model.row:
        reasons.append("it takes a row of a table with every picture, which a bundle has no place for")
    if reasons or images is None:
        raise ImportRefused([f"the model: {reason}" for reason in reasons])
    return images


def _program(model: ExportedModel) -> tuple[bytes, Agreement]:
    """The TorchScript file, and what it computes when it is loaded again beside the model."""
    module = module_of(model)
    import torch

    layouts = model.model.record.layouts.values()
    examples = tuple(torch.zeros((2, *layout.axes), dtype=torch.float64) for layout in layouts)
    file = io.BytesIO()
    with torch.no_grad():
        traced: Any = torch.jit.trace(module, examples)
    torch.jit.save(traced, file)
    data = file.getvalue()
    loaded: Any = torch.jit.load(io.BytesIO(data))

    def run(rows: FloatArray) -> FloatArray:
        given = [torch.from_numpy(own.copy()) for own in parts_of(model, rows).values()]
        with torch.no_grad():
            return np.asarray(loaded(*given).numpy(), dtype=np.float64)

    return data, compared(model, run, drawn_rows(model), single=False)


def inference(model: ExportedModel, images: ImageSchema) -> dict[str, object]:
    """What MONAI runs: the pictures of a folder, their probabilities and classes into a JSON file."""
    rule = images.rule
    mode, kind = ("L", "grey") if rule.channels == 1 else ("RGB", "colour")
    preparing = [
        {
            "_target_": "LoadImaged", "keys": "image", "reader": "PILReader", "image_only": True,
            "reverse_indexing": False, "converter": f"$lambda image: image.convert('{mode}')",
        },
        {"_target_": "EnsureChannelFirstd", "keys": "image",
         "channel_dim": "no_channel" if rule.channels == 1 else -1},
        {"_target_": "Resized", "keys": "image", "spatial_size": [rule.height, rule.width], "mode": "area"},
        {"_target_": "Lambdad", "keys": "image", "func": "$lambda picture: picture.double() / 255"},
    ]  # fmt: skip
    return {
        "imports": ["$import json", "$import pathlib", "$import torch"],
        "bundle_root": ".",
        "dataset_dir": "$@bundle_root + '/data'",
        "output_file": "$@bundle_root + '/predictions.json'",
        "device": "cpu",
        "classes": list(model.description.classes),
        "files": "$sorted(str(path) for path in pathlib.Path(@dataset_dir).iterdir() if path.is_file())",
        "network": f"$torch.jit.load(@bundle_root + '/{PROGRAM}', map_location=@device).eval()",
        "preprocessing": {"_target_": "Compose", "transforms": preparing},
        "dataset": {
            "_target_": "Dataset",
            "data": "$[{'image': path} for path in @files]",
            "transform": "@preprocessing",
        },
        "dataloader": {
            "_target_": "DataLoader", "dataset": "@dataset", "batch_size": 16, "shuffle": False,
            "num_workers": 0,
        },
        "inferer": {"_target_": "SimpleInferer"},
        "logits": "$torch.cat([@inferer(batch['image'].as_tensor().to(@device), @network).detach().cpu() "
                  "for batch in @dataloader])",
        "probabilities": "$torch.softmax(@logits, 1).tolist()",
        "predictions": "$[{'file': path, 'class': @classes[row.index(max(row))], 'probabilities': row} "
                       "for path, row in zip(@files, @probabilities)]",
        "run": ["$pathlib.Path(@output_file).write_text(json.dumps(@predictions, indent=1))"],
        "pictures": f"of {kind}, {rule.words}",
    }  # fmt: skip


def _metadata(model: ExportedModel, images: ImageSchema, name: str, intended: str) -> dict[str, object]:
    import torch

    rule, origin, classes = images.rule, model.origin, model.description.classes
    named = {str(number): label for number, label in enumerate(classes)}
    picture = {
        "type": "image", "format": "magnitude", "modality": "n/a", "num_channels": rule.channels,
        "spatial_shape": [rule.height, rule.width], "dtype": "float64", "value_range": [0, 1],
        "is_patch_data": False,
        "channel_def": {str(channel): what for channel, what in enumerate(_channels(rule.channels))},
    }  # fmt: skip
    logits = {
        "type": "probabilities", "format": "classes", "num_channels": len(classes), "spatial_shape": [1],
        "dtype": "float64", "value_range": [], "is_patch_data": False, "channel_def": named,
    }  # fmt: skip
    return {
        "schema": "https://github.com/Project-MONAI/MONAI-extra-test-data/releases/download/0.8.1/"
                  "meta_schema_20240725.json",
        "version": f"0.0.{origin.round}",
        "changelog": {f"0.0.{origin.round}": f"after round {origin.round} of {origin.rounds}"},
        "monai_version": MONAI_VERSION,
        "pytorch_version": torch.__version__.partition("+")[0],
        "numpy_version": np.__version__,
        "required_packages_version": {"pillow": "11.0.0"},
        "name": name,
        "task": f"Classification into {', '.join(classes)}",
        "description": f"{origin.federation}: {model.model.words}, trained by a federation whose updates are "
                       f"proved; model {model.digest.hex()}, consortium {origin.consortium.hex()}",
        "authors": origin.federation,
        "copyright": "not recorded",
        "data_source": "not recorded",
        "data_type": "png",
        "image_classes": rule.words,
        "label_classes": "one of the classes",
        "pred_classes": "a logit for each class; their softmax are probabilities",
        "eval_metrics": {},
        "intended_use": intended or "not recorded",
        "references": [],
        "network_data_format": {"inputs": {"image": picture}, "outputs": {"pred": logits}},
    }  # fmt: skip


def _channels(count: int) -> tuple[str, ...]:
    return ("grey level",) if count == 1 else ("red", "green", "blue")


def _json(value: Mapping[str, object]) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()
