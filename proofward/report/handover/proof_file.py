"""A training proof as one self-describing file: statement, ciphertext and proof in canonical CBOR.

Whoever has the file can verify that the statement is proved. That it is the statement which the consortium
recorded, its beacon and dataset commitment above all, follows from the ledger: that is for the audit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar

from proofward.encoding import Length, MalformedMessage, Range, decode, encode
from proofward.federation.history.proving.judging import Unable, impossible, judged
from proofward.federation.history.proving.statements import noise_root, validation_beacon, weight_shift
from proofward.federation.history.state.history_state import HistoryState
from proofward.federation.messages.basics.field_types import Digest, MaybeDigest, Name, SealedShares
from proofward.federation.messages.basics.values import integers_from_bytes, words_from_bytes
from proofward.federation.messages.consortium.earlier import PROTOCOL, advice_on_proof_file, advice_on_rules
from proofward.federation.messages.consortium.rules import HOSPITAL, Rules, RulesError
from proofward.federation.parties.checking.audit_verdict import VERSION
from proofward.federation.storage.objects import Objects
from proofward.lattice.parameters import ciphertext_length
from proofward.layers.basics.errors import TrainingError
from proofward.ledger.reading import NotReadable, read_regular
from proofward.proof.errors import ProofRejected
from proofward.proof.soundness import LEAST_POLICY_BITS
from proofward.relations.proofs.prove import verify_round
from proofward.relations.proofs.upload import VerifiedRound
from proofward.relations.training_rounds.round_statement import RoundStatement

MAX_FILE_BYTES = 96 << 20
"""With more, reading and verifying would take more than 500 MB: about six million parameters."""
HEADER_BYTES = 64
"""The kind of a record stands among so many first bytes."""
PROOFS_NAME = "proofs"
SUFFIX = ".proof"
Large = Annotated[bytes, Length(0, MAX_FILE_BYTES)]


@dataclass(frozen=True)
class ProofFile:
    """All that a proof of training says in public, and the proof.

    rules: canonical bytes of the consortium's rules. initial_weights: int64, ciphertext: field elements, 8
    bytes little endian each. sealed_shares: digests of the sealed shares of the key, which the proof binds.
    """

    kind: ClassVar[str] = "proofward-training-proof"
    rules: Annotated[bytes, Length(1, 1 << 20)]
    hospital: Name
    round: Annotated[int, Range(1, 1 << 20)]
    attempt: Annotated[int, Range(0, 1 << 32)]
    rows: Annotated[int, Range(1, 1 << 24)]
    weight_shift: Annotated[int, Range(0, 64)]
    beacon: Digest
    dataset_root: Digest
    initial_weights: Large
    ciphertext: Large
    sealed_shares: SealedShares
    proof: Large

    @cached_property
    def data(self) -> bytes:
        """Canonical bytes."""
        return encode(self)

    @property
    def drawn_by(self) -> bytes:
        """What drew the hospital's validation part; b"" where the rules have none."""
        return b""

    @property
    def noise(self) -> bytes:
        """The root of the secret words of the hospital's noise; b"" where the rules have no privacy."""
        return b""

    @staticmethod
    def from_bytes(data: bytes) -> ProofFile:
        """Inverse of `data`; raises MalformedMessage."""
        others = (BesideValidation, WithNoise)
        own = next((kind for kind in others if kind.kind.encode() in data[:HEADER_BYTES]), ProofFile)
        return decode(data, own, max_bytes=MAX_FILE_BYTES)

    @cached_property
    def consortium(self) -> Rules:
        """The rules; raises ProofRejected."""
        try:
            return Rules.from_bytes(self.rules)
        except RulesError as error:
            if (earlier := advice_on_rules(self.rules)) is not None:
                wanted = f"expected a proof file of protocol {PROTOCOL}, found one of {earlier}"
                raise ProofRejected(VERSION, wanted) from None
            raise ProofRejected("rules", str(error)) from error

    @cached_property
    def statement(self) -> RoundStatement:
        """What is claimed; raises ProofRejected where nothing can be."""
        rules = self.consortium
        member = rules.find(self.hospital)  # whom verifiers admitted only the ledger knows
        if member is not None and member.role != HOSPITAL:
            raise ProofRejected("hospital", f"expected a hospital, found the {member.role} {self.hospital}")
        parameters = rules.config.model.parameters
        weights = integers_from_bytes(self.initial_weights, parameters)
        if weights is None:
            detail = f"expected {8 * parameters} bytes, found {len(self.initial_weights)}"
            raise ProofRejected("initial weights", detail)
        try:
            statement = RoundStatement(
                consortium=rules.digest,
                config=rules.config,
                round=self.round,
                attempt=self.attempt,
                hospital=self.hospital,
                rows=self.rows,
                weight_shift=self.weight_shift,
                beacon=self.beacon,
                dataset_root=self.dataset_root,
                initial_weights=weights,
                validation_beacon=self.drawn_by,
                noise_root=self.noise,
            )
        except (TrainingError, ValueError, OverflowError) as error:
            raise ProofRejected("statement", str(error)) from error
        if (refusal := impossible(statement)) is not None:
            raise refusal
        return statement

    def verify(self, accept_weak: bool = False) -> VerifiedRound:
        """Raises ProofRejected, naming the check, unless the statement is proved.

        Rules whose policy is below LEAST_POLICY_BITS are refused unless `accept_weak`. Raises Unable where
        nothing can be told.
        """
        config = self.consortium.config
        if config.weak_security_for_tests and not accept_weak:
            expected, found = f"a policy of at least {LEAST_POLICY_BITS} bits", f"{config.security_bits}"
            raise ProofRejected("security policy", f"expected {expected}, found {found}: rules for tests")
        statement = self.statement
        length = ciphertext_length(statement.config.model.parameters)
        words = words_from_bytes(self.ciphertext, length)
        if words is None:
            found = f"{len(self.ciphertext)} other bytes"
            raise ProofRejected("ciphertext", f"expected {length} canonical field elements, found {found}")
        outcome = judged(
            lambda said, proof: verify_round(said, words, self.sealed_shares, proof), statement, self.proof
        )
        if isinstance(outcome, ProofRejected | Unable):
            raise outcome
        return outcome


@dataclass(frozen=True)
class BesideValidation(ProofFile):
    """The same under rules with a validation share, whose statements name what drew the part."""

    kind: ClassVar[str] = f"{ProofFile.kind}-beside-validation"
    validation_beacon: Digest

    @property
    def drawn_by(self) -> bytes:
        """See ProofFile."""
        return self.validation_beacon


@dataclass(frozen=True)
class WithNoise(ProofFile):
    """The same under rules with privacy, whose statements name the root of the noise's words.

    validation_beacon: b"" where the rules have no validation share.
    """

    kind: ClassVar[str] = f"{ProofFile.kind}-with-noise"
    validation_beacon: MaybeDigest
    noise_root: Digest

    @property
    def drawn_by(self) -> bytes:
        """See ProofFile."""
        return self.validation_beacon

    @property
    def noise(self) -> bytes:
        """See ProofFile."""
        return self.noise_root


def load_proof_file(path: Path) -> ProofFile:
    """The proof file at `path`, which a user names; raises ProofRejected for anything else."""
    try:
        return read_proof_file(read_regular(path, MAX_FILE_BYTES, follow=True))
    except NotReadable as error:
        raise ProofRejected("file", f"expected {error.expected}, found {error.actual}") from error


def is_proof_file(data: bytes) -> bool:
    """Whether the bytes begin as a proof file does, of this protocol or an earlier one."""
    return ProofFile.kind.encode() in data[:HEADER_BYTES]


def read_proof_file(data: bytes) -> ProofFile:
    """The proof file in these bytes; raises ProofRejected for any others."""
    try:
        file = ProofFile.from_bytes(data)
    except MalformedMessage as error:
        reason = str(error)
    else:
        return file
    if (earlier := advice_on_proof_file(data)) is not None:
        raise ProofRejected(VERSION, f"expected a proof file of protocol {PROTOCOL}, found one of {earlier}")
    raise ProofRejected("file", reason)


def proof_files(history: HistoryState, objects: Objects) -> Iterator[tuple[str, bytes]]:
    """The proofs of the last closed round that trains, as files, name and bytes: a function of the ledger.

    Refused uploads are among them. Raises Refusal when an object is missing.
    """
    if not history.trained:
        return
    state = history.trained[-1]
    for hospital, said in sorted(state.uploads.items()):
        record, drawn_by = said.record, validation_beacon(history, hospital)
        fields = dict[str, Any](
            rules=history.rules.data,
            hospital=hospital,
            round=state.number,
            attempt=state.attempt,
            rows=record.rows,
            weight_shift=weight_shift(history, state),
            beacon=record.beacon,
            dataset_root=record.dataset_root,
            initial_weights=objects.get(record.model),
            ciphertext=objects.get(record.ciphertext),
            sealed_shares=record.sealed_shares,
            proof=objects.get(record.proof),
        )
        made: ProofFile = ProofFile(**fields)
        if drawn_by:
            made = BesideValidation(**fields, validation_beacon=drawn_by)
        if noise := noise_root(history, state, hospital):
            made = WithNoise(**fields, validation_beacon=drawn_by, noise_root=noise)
        yield f"{PROOFS_NAME}/{hospital}-round-{state.number}{SUFFIX}", made.data
