"""What there is to verify of a recorded upload, whenever in its round."""

from __future__ import annotations

from dataclasses import replace

from proofward.federation.aggregation import model_weights
from proofward.federation.history_state import HistoryState
from proofward.federation.objects import Objects
from proofward.federation.proofs import RoundJob, source_of
from proofward.federation.statements import round_statement


def round_job(history: HistoryState, objects: Objects, hospital: str) -> RoundJob:
    """The job, named after the hospital; raises Refusal for what is missing, TrainingError where no proof can
    exist. The dataset root is the one that the upload starts from: verdicts have changed the present one.
    """
    record = history.round.uploads[hospital].record
    ciphertext, proof = source_of(objects, record.ciphertext), source_of(objects, record.proof)
    statement = round_statement(history, hospital, model_weights(history, objects, history.round.model))
    return RoundJob(hospital, replace(statement, dataset_root=record.dataset_root), ciphertext, proof)
