"""What is read besides messages, as targets of the tamper benchmark: database, proof files, predictions."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from _targets import (
    FEW,
    Intercepting,
    Regions,
    Target,
    federation,
    locate,
    named_fields,
    parts_of,
    refusal_of,
)

from proofward.data.columns.schema import Feature
from proofward.engines.in_process import InProcessFederation
from proofward.federation.history.proving.judging import Unable
from proofward.federation.history.proving.proofs import RelationProofs
from proofward.federation.messages.basics.values import integers_from_bytes
from proofward.federation.parties.auditor import Auditor
from proofward.federation.parties.following.extension import log_verifier
from proofward.federation.storage.ledger_folder import topic_of
from proofward.ledger.audit import verify_all
from proofward.ledger.database import FILE_NAME
from proofward.proof.errors import ProofRejected
from proofward.report.handover.models.description import Description
from proofward.report.handover.models.exported_model import ExportedModel, Origin
from proofward.report.handover.predictions.prediction_proof import (
    check_opening,
    proved_prediction,
    read_prediction_proof,
)
from proofward.report.handover.proof_file import ProofFile, proof_files, read_proof_file


def reader_targets(directory: Path) -> Iterator[Target]:
    """The database of a sealed ledger, a proof file of its last round, and a prediction by its last model."""
    engine = federation(directory, Intercepting("nobody", "nothing"), hospitals=FEW)
    if not engine.run().finished:
        raise RuntimeError("the federation did not finish")
    ledger, verifier = engine.folder.ledger, log_verifier(engine.rules)
    path = ledger / FILE_NAME
    whole = path.read_bytes()

    def judge_database(data: bytes) -> str | None:
        path.write_bytes(data)
        try:
            findings = verify_all(ledger, verifier, kind_of=topic_of)
            failed = [finding.check for finding in findings if not finding.passed]
            rules = next(iter(Auditor(ledger, RelationProofs()).run()))
        finally:
            path.write_bytes(whole)
        return failed[0] if failed else None if rules.passed else rules.check

    yield Target("ledger database", whole, parts_of(whole), judge_database)
    history, objects = engine.aggregator.history, engine.aggregator.objects
    data = next(made for _, made in proof_files(history, objects))
    regions: Regions = locate(data, named_fields(ProofFile.from_bytes(data)))
    yield Target("proof file", data, regions, judge_proof_file)
    yield from prediction_targets(engine)


def prediction_targets(engine: InProcessFederation) -> Iterator[Target]:
    """A proved prediction of two records, and the opening of its commitment."""
    history = engine.aggregator.history
    state, config = history.closed[-1], history.rules.config
    weights = integers_from_bytes(engine.aggregator.objects.get(state.model), config.model.parameters)
    if weights is None:
        raise RuntimeError("the run has no model")
    features = [Feature(f"feature-{i + 1}", 0.0, 1.0) for i in range(config.model.features)]
    origin = Origin("tamper", history.rules.digest, state.number, 1, 1, bytes(32))
    model = ExportedModel(origin, config.model, config.scales, Description.of(features), weights)
    inputs = np.arange(2 * config.model.features, dtype=np.int64).reshape(2, -1)
    proof, opening = proved_prediction(model, inputs, os.urandom)
    regions = locate(proof.data, named_fields(proof))
    yield Target("prediction proof", proof.data, regions,
                 refusal_of(lambda data: read_prediction_proof(data).verify(model)))  # fmt: skip
    statement = proof.statement(model)
    yield Target("prediction opening", opening, parts_of(opening),
                 refusal_of(lambda data: check_opening(data, statement)))  # fmt: skip


def judge_proof_file(data: bytes) -> str | None:
    """Why `proofward verify` refuses the bytes."""
    try:
        read_proof_file(data).verify()
    except ProofRejected as refusal:
        return refusal.check
    except Unable as reason:
        raise RuntimeError(f"no verdict: {reason}") from reason
    return None
