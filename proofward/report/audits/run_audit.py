"""The audit of a run folder: its ledger (see `federation.auditor`), then the files made from the ledger.

The model's files must be there once the federation is closed, and files of proofs may be; each is made again
from the ledger and compared byte by byte.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from proofward.chain.anchored_audit import anchor_verdicts, unreadable
from proofward.chain.basics.errors import ProofOfStateInvalid
from proofward.chain.state.state_proof import MAX_FILE, StateProof
from proofward.federation.history.history import History
from proofward.federation.history.proving.proofs import Proofs, RelationProofs
from proofward.federation.history.state.history_state import CLOSED
from proofward.federation.history.sums.aggregation import model_weights
from proofward.federation.messages.basics.refusal import Refusal, describe
from proofward.federation.parties.auditor import NOBODY, Auditor
from proofward.federation.parties.checking.audit_verdict import AuditVerdict, bounded
from proofward.federation.parties.checking.evidence_audit import Today
from proofward.federation.storage.objects import Objects
from proofward.ledger.database import FILE_NAME
from proofward.ledger.errors import LedgerError
from proofward.ledger.reading import MAX_OBJECTS, MOST_FLAWS, NotReadable, entries_of, read_regular
from proofward.report.audits.witnessed import witnessed
from proofward.report.handover.models.model_files import MODEL_NAME, RULES_NAME, model_files
from proofward.report.handover.proof_file import PROOFS_NAME, proof_files
from proofward.witness.cosigned import Witnesses

LEDGER_NAME, PROOF_OF_ANCHOR = "ledger", "chain-proof.json"


class RunAudit:
    """Audits a run folder, or a folder that is a ledger by itself, which then has no other files."""

    def __init__(
        self,
        directory: Path,
        proofs: Proofs | None = None,
        consortium: bytes | None = None,
        remembered: Sequence[bytes] = (),
        cosigned: Sequence[bytes] = (),
        witnesses: Witnesses | None = None,
        anchors: Sequence[StateProof] = (),
        today: Today | None = None,
    ) -> None:
        """consortium, remembered, today: see Auditor. cosigned: checkpoints that witnesses have cosigned.

        anchors: proofs of what a chain holds of the ledger; the one that the folder keeps is read besides.
        """
        directory = directory.resolve()
        bare = os.path.lexists(directory / FILE_NAME) and not os.path.lexists(directory / LEDGER_NAME)
        self.directory = None if bare else directory
        self.ledger = directory if bare else directory / LEDGER_NAME
        self._cosigned, self._witnesses = tuple(cosigned), witnesses
        self._anchors, shown = tuple(anchors), (*remembered, *cosigned)
        self._auditor = Auditor(self.ledger, proofs or RelationProofs(), consortium, shown, today)

    @property
    def history(self) -> History | None:
        """The ledger's meaning, once `run` is through; None when it has none."""
        return self._auditor.history

    def run(self) -> Iterator[AuditVerdict]:
        """The verdicts; never raises for anything that the folder holds."""
        try:
            yield from self._auditor.run()
            if self.history is not None and self._witnesses is not None:
                yield from witnessed(self.history, self._cosigned, self._witnesses)
            if self.history is not None:
                yield from bounded(self._anchored(self.history), NOBODY)
            if self.history is not None and self.directory is not None:
                yield from bounded(self._files(self.directory, self.history), NOBODY)
        except OSError as error:
            found = f"{error.filename}: {error.strerror}"
            yield AuditVerdict("folder", "files", Refusal("folder", NOBODY, "readable files", found))

    def no_evidence(self) -> list[str]:
        """What else lies in the folder: reports and the parties' own states.

        They show nothing and are not read.
        """
        if self.directory is None or not self.directory.is_dir():
            return []
        audited = {LEDGER_NAME, PROOFS_NAME, MODEL_NAME, RULES_NAME, PROOF_OF_ANCHOR}
        try:
            names = [entry.name for entry in entries_of(self.directory, MOST_FLAWS)]
        except LedgerError:
            return [f"more than {MOST_FLAWS} files"]
        return [describe(name) for name in names if name not in audited]

    def _anchored(self, history: History) -> Iterator[AuditVerdict]:
        for proof in self._anchors:
            yield from anchor_verdicts(history, proof)
        if self.directory is not None and os.path.lexists(path := self.directory / PROOF_OF_ANCHOR):
            try:
                kept = StateProof.from_json(read_regular(path, MAX_FILE).decode())
            except (NotReadable, ValueError, ProofOfStateInvalid) as error:
                yield unreadable(PROOF_OF_ANCHOR, error)
            else:
                yield from anchor_verdicts(history, kept)

    def _files(self, directory: Path, history: History) -> Iterator[AuditVerdict]:
        objects = Objects(self._auditor.source, history.rules.aggregator)
        expected: set[str] = set()
        try:
            if history.phase == CLOSED and history.trained:
                weights = model_weights(history, objects, history.model)
                for name, data in model_files(history.rules, weights).items():
                    expected.add(name)
                    yield self._file(directory, name, data)
            if os.path.lexists(directory / PROOFS_NAME):
                for name, data in proof_files(history, objects):
                    expected.add(name)
                    yield self._file(directory, name, data)
        except Refusal as missing:
            yield AuditVerdict("files", "objects behind the files", missing)
            return
        try:
            found = entries_of(directory / PROOFS_NAME, MAX_OBJECTS)
        except LedgerError as error:
            yield AuditVerdict("file", PROOFS_NAME, Refusal("file", NOBODY, error.expected, error.actual))
            return
        for entry in found:
            if (name := f"{PROOFS_NAME}/{entry.name}") not in expected:
                refusal = Refusal("file", NOBODY, "only proofs of the last round", describe(name))
                yield AuditVerdict("file", describe(name), refusal)

    @staticmethod
    def _file(directory: Path, name: str, expected: bytes) -> AuditVerdict:
        try:
            data = read_regular(directory / name, len(expected))
        except NotReadable as error:
            wanted = f"{len(expected)} bytes made from the ledger"
            return AuditVerdict("file", name, Refusal("file", NOBODY, wanted, error.actual))
        if data == expected:
            return AuditVerdict("file", name, detail="as the ledger makes it")
        pairs = enumerate(zip(data, expected, strict=False))
        first = next((at for at, (a, b) in pairs if a != b), min(len(data), len(expected)))
        wanted = f"the {len(expected)} bytes that the ledger makes"
        refusal = Refusal("file", NOBODY, wanted, f"{len(data)} bytes, different from byte {first} on")
        return AuditVerdict("file", name, refusal)
