"""What there is to verify of a recorded upload, whenever in its round."""

from __future__ import annotations

from dataclasses import replace

from proofward.federation.history.proving.judging import Source, source_of
from proofward.federation.history.proving.proof_jobs import RoundJob
from proofward.federation.history.proving.statements import upload_statement
from proofward.federation.history.state.history_state import HistoryState
from proofward.federation.history.sums.aggregation import model_weights
from proofward.federation.messages.basics.refusal import Refusal
from proofward.federation.storage.objects import Objects


def round_job(history: HistoryState, objects: Objects, hospital: str) -> RoundJob:
    """The job, named after the hospital.

    The dataset root is the one that the upload starts from: verdicts have changed the present one. Raises
    Refusal for what is missing, TrainingError where no proof can exist.
    """
    record = history.round.uploads[hospital].record
    missing = list[Refusal]()
    sources = list[Source]()
    for digest in (record.ciphertext, record.proof):  # both are asked for, whatever the first one's fate
        try:
            sources.append(source_of(objects, digest))
        except Refusal as refusal:
            missing.append(refusal)
    if missing:
        raise missing[0]
    statement = upload_statement(
        history, hospital, lambda: model_weights(history, objects, history.round.model)
    )
    statement = replace(statement, dataset_root=record.dataset_root)
    return RoundJob(hospital, statement, record.sealed_shares, *sources)
