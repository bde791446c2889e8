"""Dishonest hospitals. Each cheats in one way from the first round in which it can."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from proofward.encoding import decode, encode
from proofward.federation.envelope import Envelope, seal_envelope
from proofward.federation.hospital import Hospital
from proofward.federation.messages import AcceptedSet, NonceCommitment
from proofward.federation.proofs import ProvedRound
from proofward.federation.round_state import Said
from proofward.federation.statements import enrolment_statement
from proofward.federation.values import words_from_bytes, words_to_bytes
from proofward.federation.wire import Packet
from proofward.lattice.encryption import aggregate, encrypt
from proofward.lattice.sampler import MaskContext
from proofward.relations.round_statement import RoundStatement


class FlipsLabels(Hospital):
    """Flips its labels after enrolment and proves a training on them."""

    def prove_round(self, statement: RoundStatement, secret: bytes) -> ProvedRound:
        """Commits to other data and proves with that commitment."""
        enrolment = enrolment_statement(self.rules, self.name, statement.rows)
        rng = self.source("flipped", statement.beacon)
        _, root, flipped = self.proofs.prove_enrolment(enrolment, self.features, 1 - self.labels, rng)
        return super().prove_round(replace(statement, dataset_root=root), flipped)


class SkipsTraining(Hospital):
    """Sends a random update under the proof of an honest one."""

    def prove_round(self, statement: RoundStatement, secret: bytes) -> ProvedRound:
        """Exchanges the ciphertext."""
        made = super().prove_round(statement, secret)
        rng = self.source("random-update", statement.beacon)
        length = statement.config.model.parameters
        update = np.frombuffer(rng(2 * length), dtype="<i2").astype(np.int64)
        other = encrypt(MaskContext(statement.beacon, statement.round), update, rng)
        return replace(made, ciphertext=words_to_bytes(other.ciphertext))


class ScalesUpdate(Hospital):
    """Multiplies its encrypted update by ten."""

    def prove_round(self, statement: RoundStatement, secret: bytes) -> ProvedRound:
        """Adds the ciphertext to itself."""
        made = super().prove_round(statement, secret)
        words = words_from_bytes(made.ciphertext, statement.config.model.parameters)
        assert words is not None
        return replace(made, ciphertext=words_to_bytes(aggregate([words] * 10)))


class InflatesRows(Hospital):
    """Enrols with more rows than it has, for a greater weight."""

    def prove_enrolment(self) -> tuple[int, bytes, bytes, bytes]:
        """Claims rows that the proof does not speak of."""
        rows, proof, root, secret = super().prove_enrolment()
        return 2 * rows, proof, root, secret


class ChoosesBatches(Hospital):
    """Proves a training in an order of its own choice."""

    def prove_round(self, statement: RoundStatement, secret: bytes) -> ProvedRound:
        """Takes another beacon."""
        return super().prove_round(replace(statement, beacon=bytes(reversed(statement.beacon))), secret)


class ReplaysProof(Hospital):
    """From its second round on, sends the proof and ciphertext of the first one again."""

    first: ProvedRound | None = None

    def prove_round(self, statement: RoundStatement, secret: bytes) -> ProvedRound:
        """Keeps the first and returns it."""
        made = super().prove_round(statement, secret)
        self.first = self.first or made
        return replace(made, ciphertext=self.first.ciphertext, proof=self.first.proof)


class _Waits(Hospital):
    """Uploads after another hospital, to take from its upload."""

    def _upload(self) -> Iterator[bytes]:
        if self.others():
            yield from super()._upload()

    def others(self) -> list[str]:
        """Hospitals whose uploads can be seen."""
        return sorted(set(self.history.round.uploads) - {self.name})

    def taken(self) -> tuple[bytes, bytes]:
        """Ciphertext and proof of another hospital."""
        record = self.history.round.uploads[self.others()[0]].record
        return self.objects.get(record.ciphertext), self.objects.get(record.proof)


class CopiesProof(_Waits):
    """Sends another hospital's ciphertext and proof as its own."""

    def prove_round(self, statement: RoundStatement, secret: bytes) -> ProvedRound:
        """Exchanges both."""
        ciphertext, proof = self.taken()
        return replace(super().prove_round(statement, secret), ciphertext=ciphertext, proof=proof)


class SwapsCiphertext(_Waits):
    """Sends its own proof with the ciphertext of another update."""

    def prove_round(self, statement: RoundStatement, secret: bytes) -> ProvedRound:
        """Exchanges the ciphertext."""
        return replace(super().prove_round(statement, secret), ciphertext=self.taken()[0])


class SealsWrongShare(Hospital):
    """Gives one holder a wrong share of its key."""

    def seal_share(self, holder: str, share: bytes) -> bytes:
        """Alters one bit for the first of the other hospitals."""
        victim = next(name for name in self.rules.hospitals if name != self.name)
        altered = share[:-8] + bytes([share[-8] ^ 1]) + share[-7:]
        return super().seal_share(holder, altered if holder == victim else share)


class ComplainsFalsely(Hospital):
    """Complains about a good share."""

    def share_from(self, dealer: str) -> bytes | None:
        """Calls the share of the first other hospital bad."""
        victim = next(name for name in self.rules.hospitals if name != self.name)
        return None if dealer == victim else super().share_from(dealer)


class SumsWrong(Hospital):
    """Returns a wrong sum of key shares."""

    def share_sum(self, accepted: Said[AcceptedSet]) -> bytes:
        """Leaves one dealer out."""
        record = replace(accepted.record, hospitals=accepted.record.hospitals[1:])
        return super().share_sum(Said(accepted.envelope, record))


class Equivocates(Hospital):
    """Says two different things in one place: two nonce commitments."""

    def _commit(self) -> Iterator[bytes]:
        for message in super()._commit():
            yield message
            envelope = decode(decode(message, Packet).envelope, Envelope)
            record = envelope.record
            assert isinstance(record, NonceCommitment)
            body = encode(replace(record, commitment=bytes(32)))
            other = seal_envelope(replace(envelope, body=body), self.key)
            yield encode(Packet(other.data, ()))
