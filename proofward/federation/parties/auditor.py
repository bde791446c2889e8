"""The auditor: replays a finished ledger from its folder alone, with no secret and without trusting anybody.

Whoever made the folder may be hostile. Entries are read one at a time, objects only if an entry names them,
and only up to the length that their kind can have; see `ledger.reading` and `ledger.database` for the limits.
A folder of an earlier protocol gets one verdict, which names the release that audits it.

Order of the verdicts: rules; every byte of the folder (seal, database, Merkle tree, checkpoints, objects; see
`ledger.audit`); every entry against those before it (`history`), and, as they come, every proof, every
verifier's verdict, every complaint and every aggregate, all recomputed; that all named objects are there and
no others; completeness.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from proofward.encoding import MalformedMessage, decode
from proofward.federation.history.ephemeral import disposable
from proofward.federation.history.history import History
from proofward.federation.history.proving.proofs import Proofs
from proofward.federation.history.state.history_state import CLOSED
from proofward.federation.messages.basics.refusal import Refusal, describe
from proofward.federation.messages.consortium.earlier import PROTOCOL, advice_on_entry
from proofward.federation.messages.consortium.rules import Rules, RulesError
from proofward.federation.messages.consortium.thresholds import in_words
from proofward.federation.messages.envelope import Envelope
from proofward.federation.messages.records.catalogue import FederationOpened
from proofward.federation.parties.checking.audit_verdict import VERSION, AuditVerdict, bounded
from proofward.federation.parties.checking.evaluation_audit import evaluations_again
from proofward.federation.parties.checking.evidence_audit import EvidenceAudit, Today
from proofward.federation.parties.checking.proof_audit import ProofAudit
from proofward.federation.parties.checking.stopping_audit import best_round, judged_vote
from proofward.federation.parties.following.extension import log_verifier
from proofward.federation.storage.ledger_folder import topic_of
from proofward.federation.storage.object_sizes import size_limits, vector_bytes
from proofward.federation.storage.objects import Objects, SizedObjects
from proofward.ledger.audit import stored_verifier, verify_all
from proofward.ledger.database import FILE_NAME, Database
from proofward.ledger.errors import LedgerError
from proofward.ledger.objects import ObjectStore
from proofward.ledger.reading import MAX_OBJECTS, entries_of
from proofward.ledger.seal import OBJECTS_NAME, SEAL_NAME
from proofward.privacy.words import EXACT_COUNTS, promise
from proofward.proof.soundness import LEAST_POLICY_BITS

NOBODY = "unknown"


class Auditor:
    """Audits one folder; `run` may be called once."""

    def __init__(
        self,
        directory: Path,
        proofs: Proofs,
        consortium: bytes | None = None,
        remembered: Sequence[bytes] = (),
        today: Today | None = None,
    ) -> None:
        """Prepares the audit of a folder.

        `consortium` is the digest of the rules as known from elsewhere. `remembered` are checkpoints that
        members kept. `today`: evidence of machines is looked at as of then too.
        """
        self.directory = directory
        self.proofs = proofs
        self.consortium = consortium
        self.remembered, self.today = remembered, today
        self.history: History | None = None
        self._store = ObjectStore(directory / OBJECTS_NAME, create=False)
        self.sizes: dict[bytes, int] = {}

    @property
    def source(self) -> SizedObjects:
        """The objects that the entries name, as a source that reads no more than they can have."""
        return SizedObjects(self._store, self.sizes)

    def run(self) -> Iterator[AuditVerdict]:
        """The verdicts; never raises for anything that the folder holds."""
        return bounded(self._verdicts(), NOBODY)

    def _verdicts(self) -> Iterator[AuditVerdict]:
        try:
            rules = self._rules()
        except Refusal as refusal:
            yield AuditVerdict("rules", "entry 0", refusal)
            if refusal.check != VERSION:
                yield from self._folder(None)
            return
        yield AuditVerdict("rules", "entry 0", detail=_in_words(rules))
        try:
            self.sizes = self._named(rules)
        except Refusal as refusal:
            yield AuditVerdict("entries", FILE_NAME, refusal)
            yield from self._folder(rules)
            return
        yield from self._folder(rules)
        self.history = History(rules)
        try:
            yield from self._replay(self.history)
        except Refusal as refusal:  # the folder has changed since its entries were read before
            yield AuditVerdict("entries", FILE_NAME, refusal)
        yield from self._objects(rules)
        objects = Objects(self.source, rules.aggregator)
        yield from evaluations_again(self.history, objects)
        yield from best_round(self.history, objects)
        yield self._complete(self.history)

    def _entries(self) -> Iterator[bytes]:
        """The entries, in order, one at a time; raises Refusal where the database has no next one."""
        try:
            with closing(Database(self.directory, writable=False)) as database:
                yield from database.entries()
        except LedgerError as error:
            raise Refusal("ledger-structure", NOBODY, error.expected, describe(error.actual)) from error

    def _named(self, rules: Rules) -> dict[bytes, int]:
        """Most bytes of every object that may be there: the first model, and what the entries name."""
        parameters = rules.config.model.parameters
        entries = rules.most_entries
        found = {rules.initial_model: vector_bytes(parameters)} if rules.initial_model else {}
        for entry in self._entries():
            try:
                sizes = size_limits(decode(entry, Envelope).record, entries)
            except MalformedMessage:
                continue
            for digest, most in sizes.items():
                found[digest] = max(most, found.get(digest, 0))
            if len(found) > MAX_OBJECTS:
                raise Refusal("objects", rules.aggregator, f"at most {MAX_OBJECTS} objects", "more named")
        return found

    def _rules(self) -> Rules:
        first = next(self._entries(), None)
        if first is None:
            raise Refusal("rules", NOBODY, "the rules as entry 0", "an empty ledger")
        if (earlier := advice_on_entry(first)) is not None:
            raise Refusal(VERSION, NOBODY, f"a ledger of protocol {PROTOCOL}", f"one of {earlier}")
        try:
            record = decode(first, Envelope).record
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
        sizes = None if rules is None else self.sizes
        findings = verify_all(
            self.directory, verifier, remembered=self.remembered, kind_of=topic_of, sizes=sizes
        )
        for finding in findings:
            check, wrong = f"ledger-{finding.check}", finding.error
            failed = None if wrong is None else Refusal(check, culprit, wrong.expected, wrong.actual)
            yield AuditVerdict(check, describe(finding.subject), failed)
        own = {FILE_NAME, SEAL_NAME, OBJECTS_NAME}
        try:
            names = [entry.name for entry in entries_of(self.directory, MAX_OBJECTS)]
        except LedgerError as error:
            refusal = Refusal("ledger-stray", culprit, error.expected, error.actual)
            yield AuditVerdict("ledger-stray", "files", refusal)
            return
        for name in names:
            if name not in own:
                found = describe(name)
                refusal = Refusal("ledger-stray", culprit, f"only {', '.join(sorted(own))}", found)
                yield AuditVerdict("ledger-stray", found, refusal)

    def _replay(self, history: History) -> Iterator[AuditVerdict]:
        objects = Objects(self.source, history.rules.aggregator)
        proofs = ProofAudit(history, objects, self.proofs)
        evidence = EvidenceAudit(history, objects, self.today)
        for number, entry in enumerate(self._entries()):
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
            yield from evidence.examine(envelope, place)
            yield from judged_vote(history, objects, envelope, place)
        yield from proofs.finish()

    def _objects(self, rules: Rules) -> Iterator[AuditVerdict]:
        try:
            stored = self._store.digests()
        except LedgerError:
            return  # a flaw that the folder's checks have named
        gone = disposable(self.history) if self.history is not None else set()
        for digest in sorted(self.sizes.keys() - stored - gone):
            refusal = Refusal("object-missing", rules.aggregator, f"object {digest.hex()}", "nothing")
            yield AuditVerdict("object", digest.hex(), refusal)
        for digest in stored:
            if digest not in self.sizes:
                refusal = Refusal(
                    "object-stray", rules.aggregator, "only objects that entries name", digest.hex()
                )
                yield AuditVerdict("object", digest.hex(), refusal)

    def _complete(self, history: History) -> AuditVerdict:
        closed, rounds = len(history.closed), history.rules.rounds
        if (ended := history.ended) is not None:
            model = f"model {ended.model.hex()}" if ended.model else "no model"
            detail = f"ended by vote of {', '.join(ended.verifiers)} after round {closed}, {model}"
            return AuditVerdict("complete", f"{closed} of {rounds} rounds", detail=detail)
        if history.phase == CLOSED:
            return AuditVerdict("complete", f"{rounds} rounds", detail=f"final model {history.model.hex()}")
        actual = f"{closed} closed rounds, ending in phase {history.phase}"
        refusal = Refusal(
            "complete", history.rules.aggregator, f"{rounds} closed rounds and their end", actual
        )
        return AuditVerdict("complete", f"{rounds} rounds", refusal)


def _in_words(rules: Rules) -> str:
    """What whoever reads only the first line of an audit has to know of the rules."""
    bits = rules.config.security_bits
    words = [f"consortium {rules.digest.hex()}", f"proofs of {bits} bits"]
    if bits < LEAST_POLICY_BITS:
        words.append(f"fewer than {LEAST_POLICY_BITS}: proofs can be forged")
    words.append(promise(rules.accountant))
    if rules.has_exact_counts and rules.accountant is not None:
        words.append(EXACT_COUNTS)
    if rules.config.optimizer.vectors:
        words.append(f"next models by {rules.config.optimizer.words}")
    if rules.committees is not None:
        words += [f"drawn: {line}" for line in in_words(rules.bounds)]
    words += [f"{found}: {promise}" for promise, found in rules.counting_by_promise.items()]
    if rules.attestation is not None:
        words.append(rules.attestation.words)
    if rules.stopping is not None and rules.stopping.stop_after:
        words.append(rules.stopping.words)
    if rules.initial_model:
        words.append("trusted first model: whoever chose it may have planted in it what reads off records")
    return f"{rules.federation}: {', '.join(words)}"
