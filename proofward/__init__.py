"""Verifiable, private federated learning for hospitals.

The names in `__all__` are for programs that use ProofWard as a library; docs/python.md shows how.
`Federation` takes tables as people have them, and `FederatedClassifier` is an estimator of scikit-learn.

The others are the parts below: there features are integers at the scale that a preset has
(`to_fixed_point`), labels numbers of classes, and randomness is a function such as `os.urandom`. All are
imported when they are first used, so that the command line starts fast.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from proofward.api.classifier import FederatedClassifier
    from proofward.api.evaluations import FederatedEvaluation
    from proofward.api.federation import Federation
    from proofward.api.images import Images
    from proofward.api.refusals import (
        ExportRefused,
        FederationError,
        NotFitted,
        RunRefused,
        SettingsRefused,
        TablesRefused,
    )
    from proofward.api.results import AuditResult, Evaluation, Round
    from proofward.cli.kit.records.inspected_table import inspect_table
    from proofward.data.reading.records import Records, to_fixed_point
    from proofward.engines.in_process import InProcessFederation
    from proofward.engines.run_folder import Plan
    from proofward.models.graph.onnx.from_onnx import from_onnx
    from proofward.models.graph.parts.network import ImportedNetwork
    from proofward.models.graph.parts.refusals import ImportRefused
    from proofward.models.graph.torch.from_torch import from_torch
    from proofward.models.presets import preset
    from proofward.models.settings import Preset, Settings
    from proofward.optimizers.fedadam import FedAdam
    from proofward.optimizers.fedavgm import FedAvgM
    from proofward.relations.proofs.prove import prove_round, verify_round
    from proofward.relations.records.enrolment import EnrolmentStatement, prove_enrolment, verify_enrolment
    from proofward.relations.rules.config import RoundConfig
    from proofward.relations.training_rounds.round_statement import RoundStatement
    from proofward.report.calibrate import Calibration, calibrate
    from proofward.report.handover.formats.exported_torch import to_torch

__version__ = "0.2.0"

__all__ = [
    "AuditResult",
    "Calibration",
    "EnrolmentStatement",
    "Evaluation",
    "ExportRefused",
    "FedAdam",
    "FedAvgM",
    "FederatedClassifier",
    "FederatedEvaluation",
    "Federation",
    "FederationError",
    "Images",
    "ImportRefused",
    "ImportedNetwork",
    "InProcessFederation",
    "NotFitted",
    "Plan",
    "Preset",
    "Records",
    "Round",
    "RoundConfig",
    "RoundStatement",
    "RunRefused",
    "Settings",
    "SettingsRefused",
    "TablesRefused",
    "__version__",
    "calibrate",
    "from_onnx",
    "from_torch",
    "inspect_table",
    "preset",
    "prove_enrolment",
    "prove_round",
    "to_fixed_point",
    "to_torch",
    "verify_enrolment",
    "verify_round",
]

_HOMES = {
    "api.classifier": ("FederatedClassifier",),
    "api.federation": ("Federation",),
    "api.images": ("Images",),
    "api.refusals": (
        "ExportRefused",
        "FederationError",
        "NotFitted",
        "RunRefused",
        "SettingsRefused",
        "TablesRefused",
    ),
    "api.evaluations": ("FederatedEvaluation",),
    "api.results": ("AuditResult", "Evaluation", "Round"),
    "cli.kit.records.inspected_table": ("inspect_table",),
    "data.reading.records": ("Records", "to_fixed_point"),
    "engines.in_process": ("InProcessFederation",),
    "engines.run_folder": ("Plan",),
    "models.graph.onnx.from_onnx": ("from_onnx",),
    "models.graph.torch.from_torch": ("from_torch",),
    "models.graph.parts.network": ("ImportedNetwork",),
    "models.graph.parts.refusals": ("ImportRefused",),
    "models.presets": ("preset",),
    "models.settings": ("Preset", "Settings"),
    "optimizers.fedadam": ("FedAdam",),
    "optimizers.fedavgm": ("FedAvgM",),
    "relations.rules.config": ("RoundConfig",),
    "relations.records.enrolment": ("EnrolmentStatement", "prove_enrolment", "verify_enrolment"),
    "relations.proofs.prove": ("prove_round", "verify_round"),
    "relations.training_rounds.round_statement": ("RoundStatement",),
    "report.calibrate": ("Calibration", "calibrate"),
    "report.handover.formats.exported_torch": ("to_torch",),
}


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(f"proofward.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
