"""Dishonest hospitals. Each cheats in one way from the first round in which it can."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from proofward.encoding import decode, encode
from proofward.engines.attacks.forger import Cheat, forge_round, random_update, scaled, unclipped
from proofward.federation.history.proving.proof_jobs import ProvedRound
from proofward.federation.history.sharing.complaints import Sealed
from proofward.federation.history.state.round_state import Recorded
from proofward.federation.messages.basics.values import words_to_bytes
from proofward.federation.messages.envelope import Envelope, seal_envelope
from proofward.federation.messages.randomness import ByteSource
from proofward.federation.messages.records.catalogue import (
    AcceptedSet,
    BeaconShares,
    Consent,
    HolderKeys,
    Message,
)
from proofward.federation.messages.wire import Packet
from proofward.federation.parties.hospital import Hospital
from proofward.relations.proofs.measure import UploadStatement
from proofward.relations.records.secret import DatasetSecret
from proofward.relations.training_rounds.round_statement import RoundStatement
from proofward.relations.uploads.noise_seed import SEED_BYTES, NoiseSecret


class _Forges(Hospital):
    """Proves the round's true statement as well as it can from a false witness."""

    def prove_round(self, statement: RoundStatement, secret: bytes) -> tuple[ProvedRound, Sealed]:
        """An honest round, with ciphertext and proof exchanged for the forgery's."""
        made, sealed = super().prove_round(statement, secret)
        known, rng = DatasetSecret.from_bytes(secret), self.source("forgery", statement.beacon)
        cheat = self.cheat(statement, known, rng)
        noise = self.noise_secret(statement)
        ciphertext, proof = forge_round(statement, known, made.sealed_shares, rng, cheat, noise)
        return replace(made, ciphertext=words_to_bytes(ciphertext), proof=proof), sealed

    def noise_secret(self, statement: RoundStatement) -> NoiseSecret | None:
        """What it has committed to, where the rules have privacy."""
        seed = self.noise_seed(statement)
        return None if seed is None else NoiseSecret.of(statement.config, statement.rows, seed)

    def cheat(self, statement: RoundStatement, known: DatasetSecret, rng: ByteSource) -> Cheat:
        """What to do otherwise."""
        raise NotImplementedError


class FlipsLabels(_Forges):
    """Flips its labels after enrolment, trains on them and forges a proof."""

    def cheat(self, statement: RoundStatement, known: DatasetSecret, rng: ByteSource) -> Cheat:
        """Other labels."""
        return Cheat(labels=1 - known.labels)


class SkipsTraining(_Forges):
    """Encrypts a random update in place of a trained one and forges a proof."""

    def cheat(self, statement: RoundStatement, known: DatasetSecret, rng: ByteSource) -> Cheat:
        """Another update."""
        return Cheat(change=random_update(statement, rng))


class ScalesUpdate(_Forges):
    """Encrypts ten times its update and forges a proof."""

    def cheat(self, statement: RoundStatement, known: DatasetSecret, rng: ByteSource) -> Cheat:
        """A larger update."""
        return Cheat(change=scaled(10))


class LeavesUnclipped(_Forges):
    """Sums the gradients of its rows as they are, where rules have each clipped, and forges a proof."""

    def cheat(self, statement: RoundStatement, known: DatasetSecret, rng: ByteSource) -> Cheat:
        """Longer gradients than any row may have."""
        return Cheat(change=unclipped(statement, known))


class LeavesOneUnclipped(_Forges):
    """The same with a single one of its rows."""

    def cheat(self, statement: RoundStatement, known: DatasetSecret, rng: ByteSource) -> Cheat:
        """One gradient that is longer than any row's may be."""
        return Cheat(change=unclipped(statement, known, 1))


class ScalesClipped(ScalesUpdate):
    """Encrypts ten times its clipped update, beyond the bound that noise is measured for."""


class SkipsNoise(_Forges):
    """Encrypts its update without noise, where the rules have privacy."""

    def cheat(self, statement: RoundStatement, known: DatasetSecret, rng: ByteSource) -> Cheat:
        """No noise."""
        return Cheat(added=np.zeros_like)


class DrawsNoiseAgain(_Forges):
    """Draws its noise from another seed than the one that it has committed to."""

    def cheat(self, statement: RoundStatement, known: DatasetSecret, rng: ByteSource) -> Cheat:
        """Fresh words."""
        return Cheat(noise=NoiseSecret.of(statement.config, statement.rows, rng(SEED_BYTES)))


class InflatesRows(Hospital):
    """Enrols with more rows than it has, for a greater weight."""

    def prove_enrolment(self) -> tuple[int, bytes, bytes, bytes]:
        """Claims rows that the proof does not speak of."""
        rows, proof, root, secret = super().prove_enrolment()
        return 2 * rows, proof, root, secret


class ChoosesBatches(_Forges):
    """Trains on its rows in an order of its own choice and forges a proof."""

    def cheat(self, statement: RoundStatement, known: DatasetSecret, rng: ByteSource) -> Cheat:
        """The order that another beacon would have drawn."""
        return Cheat(batches=replace(statement, beacon=bytes(reversed(statement.beacon))).schedule())


class TrainsOnValidation(_Forges):
    """Takes one row of its validation part into its first batch and forges a proof."""

    def cheat(self, statement: RoundStatement, known: DatasetSecret, rng: ByteSource) -> Cheat:
        """The drawn order with one row exchanged."""
        assert statement.arc is not None
        batches = statement.schedule()
        batches[0, 0] = statement.arc.held_out[0]
        return Cheat(batches=batches)


class ShiftsValidation(_Forges):
    """Trains as if its validation part began one row later and forges a proof."""

    def cheat(self, statement: RoundStatement, known: DatasetSecret, rng: ByteSource) -> Cheat:
        """The batches beside another part."""
        assert statement.arc is not None
        return Cheat(batches=(statement.schedule() + 1) % statement.rows)


class ReplaysProof(Hospital):
    """From its second round on, sends the proof and ciphertext of the first one again."""

    first: ProvedRound | None = None

    def prove_upload(self, statement: UploadStatement) -> tuple[ProvedRound, Sealed]:
        """Keeps the first and returns it."""
        made, sealed = super().prove_upload(statement)
        self.first = self.first or made
        return replace(made, ciphertext=self.first.ciphertext, proof=self.first.proof), sealed


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

    def prove_upload(self, statement: UploadStatement) -> tuple[ProvedRound, Sealed]:
        """Exchanges both."""
        made, sealed = super().prove_upload(statement)
        ciphertext, proof = self.taken()
        return replace(made, ciphertext=ciphertext, proof=proof), sealed


class SwapsCiphertext(_Waits):
    """Sends its own proof with the ciphertext of another update."""

    def prove_upload(self, statement: UploadStatement) -> tuple[ProvedRound, Sealed]:
        """Exchanges the ciphertext."""
        made, sealed = super().prove_upload(statement)
        return replace(made, ciphertext=self.taken()[0]), sealed


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

    def share_sum(self, accepted: Recorded[AcceptedSet]) -> bytes:
        """Leaves one dealer out."""
        record = replace(accepted.record, hospitals=accepted.record.hospitals[1:])
        return super().share_sum(Recorded(accepted.envelope, record))


class FallsSilent(Hospital):
    """Takes part as a holder of shares, and returns no sum of them."""

    def unmask(self) -> Iterator[bytes]:
        """Says nothing."""
        return iter(())


class _SaysOtherwise(Hospital):
    """Signs its words with other contents."""

    def said_otherwise(self, message: bytes) -> bytes:
        """The packet with a changed record in place of the one in it."""
        envelope = decode(decode(message, Packet).envelope, Envelope)
        body = encode(self.changed(envelope.record))
        return encode(Packet(seal_envelope(replace(envelope, body=body), self.key).data, ()))

    def changed(self, record: Message) -> Message:
        """The record to sign."""
        raise NotImplementedError


class Equivocates(_SaysOtherwise):
    """Says two different things in one place: two lists of sealing keys."""

    def _publish_keys(self) -> Iterator[bytes]:
        for message in super()._publish_keys():
            yield message
            yield self.said_otherwise(message)

    def changed(self, record: Message) -> Message:
        """The keys in another order."""
        assert isinstance(record, HolderKeys)
        return replace(record, sealing_keys=tuple(reversed(record.sealing_keys)))


class ConsentsTwice(_SaysOtherwise):
    """Consents to two different sets of one attempt."""

    def _consent(self) -> Iterator[bytes]:
        for message in super()._consent():
            yield message
            yield self.said_otherwise(message)

    def changed(self, record: Message) -> Message:
        """A consent to a set that the aggregator has not announced."""
        assert isinstance(record, Consent)
        return replace(record, accepted_set=bytes(reversed(record.accepted_set)))


class ShowsWrongNonce(_SaysOtherwise):
    """Shows an altered share of another's nonce for the beacon, to change what is drawn."""

    def reveal(self) -> Iterator[bytes]:
        """Alters what it shows."""
        yield from map(self.said_otherwise, super().reveal())

    def changed(self, record: Message) -> Message:
        """One bit of the first share is another."""
        assert isinstance(record, BeaconShares)
        first, *rest = record.shares
        return replace(record, shares=(bytes([first[0] ^ 1]) + first[1:], *rest))
