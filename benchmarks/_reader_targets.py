"""What an auditor is given besides messages, as targets of the tamper benchmark: database and proof files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from _targets import Intercepting, Regions, Target, federation, locate, named_fields, parts_of

from proofward.federation.history.judging import Unable
from proofward.federation.history.proofs import RelationProofs
from proofward.federation.parties.auditor import Auditor
from proofward.federation.parties.extension import log_verifier
from proofward.federation.storage.ledger_folder import topic_of
from proofward.ledger.audit import verify_all
from proofward.ledger.database import FILE_NAME
from proofward.proof.errors import ProofRejected
from proofward.report.handover.proof_file import ProofFile, proof_files, read_proof_file


def reader_targets(directory: Path) -> Iterator[Target]:
    """The database of a sealed ledger and a proof file of its last round."""
    engine = federation(directory, Intercepting("nobody", "nothing"))
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


def judge_proof_file(data: bytes) -> str | None:
    """Why `proofward verify` refuses the bytes."""
    try:
        read_proof_file(data).verify()
    except ProofRejected as refusal:
        return refusal.check
    except Unable as reason:
        raise RuntimeError(f"no verdict: {reason}") from reason
    return None
