"""The auditor: replays a finished ledger from its folder alone, with no secret and without trusting anybody.

Order of the verdicts: rules; every byte of the folder (seal, database, Merkle tree, checkpoints, objects; see
`ledger.audit`); every entry against those before it (`history`), and, as they come, every proof, every
verifier's verdict, every complaint and every aggregate, all recomputed; that all named objects are there and
no others; completeness.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from proofward.encoding import MalformedMessage, decode
from proofward.federation.history.history import History
from proofward.federation.history.history_state import CLOSED
from proofward.federation.history.proofs import Proofs
from proofward.federation.messages.catalogue import FederationOpened
from proofward.federation.messages.envelope import Envelope
from proofward.federation.messages.refusal import Refusal, describe
from proofward.federation.messages.rules import Rules, RulesError
from proofward.federation.parties.audit_verdict import AuditVerdict
from proofward.federation.parties.follower import log_verifier
from proofward.federation.parties.proof_audit import ProofAudit
from proofward.federation.storage.ledger_folder import topic_of
from proofward.federation.storage.objects import Objects
from proofward.ledger.audit import stored_verifier, verify_all
from proofward.ledger.database import FILE_NAME, Database
from proofward.ledger.errors import LedgerError
from proofward.ledger.objects import ObjectStore
from proofward.ledger.seal import OBJECTS_NAME, SEAL_NAME

NOBODY = "unknown"


class Auditor:
    """Audits one folder; `run` may be called once."""

    def __init__(
        self,
        directory: Path,
        proofs: Proofs,
        consortium: bytes | None = None,
        remembered: Sequence[bytes] = (),
    ) -> None:
        """consortium: digest of the rules as known from elsewhere; remembered: checkpoints that members
        kept.
        """
        self.directory = directory
        self.proofs = proofs
        self.consortium = consortium
        self.remembered = remembered
        self.history: History | None = None
        self._store = ObjectStore(directory / OBJECTS_NAME, create=False)
        self._named: set[bytes] = set()

    def run(self) -> Iterator[AuditVerdict]:
        """The verdicts; never raises for anything that the folder holds."""
        try:
            entries = self._entries()
            rules = self._rules(entries)
        except Refusal as refusal:
            yield AuditVerdict("rules", "entry 0", refusal)
            yield from self._folder(None)
            return
        yield AuditVerdict("rules", "entry 0", detail=f"{rules.federation}: consortium {rules.digest.hex()}")
        yield from self._folder(rules)
        self.history = History(rules)
        self._named = ({rules.initial_model} - {b""}).union(*map(_named_by, entries))
        yield from self._replay(self.history, entries)
        yield from self._objects(rules)
        yield self._complete(self.history)

    def _entries(self) -> list[bytes]:
        try:
            database = Database(self.directory, writable=False)
            try:
                return [database.entry(position) for position in range(database.size())]
            finally:
                database.close()
        except LedgerError as error:
            raise Refusal("ledger-structure", NOBODY, error.expected, error.actual) from error

    def _rules(self, entries: list[bytes]) -> Rules:
        if not entries:
            raise Refusal("rules", NOBODY, "the rules as entry 0", "an empty ledger")
        try:
            record = decode(entries[0], Envelope).record
            if not isinstance(record, FederationOpened):
                raise Refusal("rules", NOBODY, "the rules as entry 0", record.kind)
            rules = Rules.from_bytes(record.rules)
        except (MalformedMessage, RulesError) as error:
            raise Refusal("rules", NOBODY, "the rules as entry 0", describe(str(error))) from error
        if self.consortium not in (None, rules.digest):
            raise Refusal("consortium", rules.aggregator, describe(self.consortium), rules.digest.hex())
        return rules

    def _folder(self, rules: Rules | None) -> Iterator[AuditVerdict]:
        culprit = NOBODY if rules is None else rules.aggregator
        try:
            verifier = stored_verifier(self.directory) if rules is None else log_verifier(rules)
        except LedgerError as error:
            refusal = Refusal("ledger-structure", culprit, error.expected, error.actual)
            yield AuditVerdict("ledger-structure", FILE_NAME, refusal)
            return
        for finding in verify_all(self.directory, verifier, remembered=self.remembered, kind_of=topic_of):
            check, wrong = f"ledger-{finding.check}", finding.error
            failed = None if wrong is None else Refusal(check, culprit, wrong.expected, wrong.actual)
            yield AuditVerdict(check, describe(finding.subject), failed)
        own = {FILE_NAME, SEAL_NAME, OBJECTS_NAME}
        names = sorted(path.name for path in self.directory.iterdir()) if self.directory.is_dir() else []
        for name in names:
            if name not in own:
                found = describe(name)
                refusal = Refusal("ledger-stray", culprit, f"only {', '.join(sorted(own))}", found)
                yield AuditVerdict("ledger-stray", found, refusal)

    def _replay(self, history: History, entries: list[bytes]) -> Iterator[AuditVerdict]:
        proofs = ProofAudit(history, Objects(self._object, history.rules.aggregator), self.proofs)
        for number, entry in enumerate(entries):
            try:
                envelope = history.apply(entry)
            except Refusal as found:
                yield from proofs.finish()
                refusal = Refusal(found.check, history.rules.aggregator, found.expected, found.actual)
                detail = f"recorded although it does not follow; it speaks against {found.culprit}"
                yield AuditVerdict("entry", f"entry {number}", refusal, detail)
                return
            place = f"entry {number}, round {envelope.round}"
            yield AuditVerdict("entry", f"{place}: {envelope.topic} by {envelope.sender}")
            yield from proofs.examine(envelope, place)
        yield from proofs.finish()

    def _object(self, digest: bytes) -> bytes | None:
        try:
            return self._store.get(digest)
        except LedgerError:
            return None

    def _objects(self, rules: Rules) -> Iterator[AuditVerdict]:
        stored = set(self._store.digests())
        for digest in sorted(self._named - stored):
            refusal = Refusal("object-missing", rules.aggregator, f"object {digest.hex()}", "nothing")
            yield AuditVerdict("object", digest.hex(), refusal)
        for digest in sorted(stored - self._named):
            refusal = Refusal(
                "object-stray", rules.aggregator, "only objects that entries name", digest.hex()
            )
            yield AuditVerdict("object", digest.hex(), refusal)

    def _complete(self, history: History) -> AuditVerdict:
        closed, rounds = len(history.closed), history.rules.rounds
        if history.phase == CLOSED:
            return AuditVerdict("complete", f"{rounds} rounds", detail=f"final model {history.model.hex()}")
        actual = f"{closed} closed rounds, ending in phase {history.phase}"
        refusal = Refusal(
            "complete", history.rules.aggregator, f"{rounds} closed rounds and their end", actual
        )
        return AuditVerdict("complete", f"{rounds} rounds", refusal)


def _named_by(entry: bytes) -> set[bytes]:
    try:
        return set(decode(entry, Envelope).record.objects())
    except MalformedMessage:
        return set()
