"""Dishonest dealers of key shares. A holder that opens its share of one finds another than was proved.

The first kind seals something else while it proves, so that its proof is accepted and binds what it sealed.
The second kind seals anew after the proof, and its proof then does not fit what it has sent. Either way the
dealer is out of the round, and the holders keep their good name.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from proofward.encoding import encode
from proofward.federation.history.proving.proof_jobs import ProvedRound
from proofward.federation.history.sharing.complaints import Sealed
from proofward.federation.messages.randomness import ByteSource
from proofward.federation.messages.wire import Packet, parse
from proofward.federation.parties.hospital import Hospital
from proofward.field.extension import DEGREE, Ext
from proofward.field.goldilocks import add, random_field
from proofward.lattice.parameters import RING_DEGREE
from proofward.lattice.shamir import share
from proofward.relations.training_rounds.round_statement import RoundStatement
from proofward.relations.uploads.key_shares import KeyShare

Shares = tuple[KeyShare, ...]

SHIFT = 1


class _Deals(Hospital):
    """Seals other shares than those of its key, and lets its proof bind what it has sealed."""

    def seal_shares(self, shares: tuple[bytes, ...]) -> Sealed:
        """The exchanged shares, sealed."""
        rng = self.source("dealing", self.history.round.beacon)
        dealt = self.dealt(tuple(KeyShare.from_bytes(data) for data in shares), rng)
        return super().seal_shares(tuple(given.to_bytes() for given in dealt))

    def dealt(self, shares: Shares, rng: ByteSource) -> Shares:
        """The shares to seal, one for each hospital; those of all other holders are exchanged here."""
        return tuple(self.exchanged(given, rng) for given in shares)

    def exchanged(self, given: KeyShare, rng: ByteSource) -> KeyShare:
        """What a holder gets in place of its share."""
        raise NotImplementedError


class _DealsOne(_Deals):
    """Exchanges the share of the first other hospital alone."""

    def dealt(self, shares: Shares, rng: ByteSource) -> Shares:
        """All shares as they are but one."""
        victim = next(place for place, name in enumerate(self.rules.hospitals) if name != self.name)
        return tuple(self.exchanged(given, rng) if given.holder == victim else given for given in shares)


def _another_blind(given: KeyShare, rng: ByteSource) -> KeyShare:
    limbs = map(int, random_field(DEGREE, rng))
    return replace(given, blind=Ext.of_limbs(limbs))


def _another_share(given: KeyShare, rng: ByteSource) -> KeyShare:
    return replace(_another_blind(given, rng), values=random_field(RING_DEGREE, rng))


def _shifted(given: KeyShare) -> KeyShare:
    """Share + k (1, .., 1) and blind + k: the extension of the shift is the constant k at every point."""
    values = add(given.values, np.full(RING_DEGREE, SHIFT, np.uint64))
    return replace(given, values=values, blind=given.blind + SHIFT)


class ReblindsShare(_DealsOne):
    """Gives one holder its share with another blind."""

    def exchanged(self, given: KeyShare, rng: ByteSource) -> KeyShare:
        """See _Deals."""
        return _another_blind(given, rng)


class ExchangesShare(_DealsOne):
    """Gives one holder another share, with another blind."""

    def exchanged(self, given: KeyShare, rng: ByteSource) -> KeyShare:
        """See _Deals."""
        return _another_share(given, rng)


class ShiftsShare(_DealsOne):
    """Shifts one holder's share by a constant, and its blind with it."""

    def exchanged(self, given: KeyShare, rng: ByteSource) -> KeyShare:
        """See _Deals."""
        return _shifted(given)


class ShiftsShares(_Deals):
    """Shifts the shares of all holders by a constant, and their blinds with them."""

    def exchanged(self, given: KeyShare, rng: ByteSource) -> KeyShare:
        """See _Deals."""
        return _shifted(given)


class ExchangesShares(_Deals):
    """Gives every holder a random share, with another blind."""

    def exchanged(self, given: KeyShare, rng: ByteSource) -> KeyShare:
        """See _Deals."""
        return _another_share(given, rng)


class SharesAnotherKey(_Deals):
    """Gives all holders consistent shares of another key, with the blinds of the right one."""

    def dealt(self, shares: Shares, rng: ByteSource) -> Shares:
        """Shares on one polynomial of degree t, with another value at 0."""
        degree = self.rules.config.threshold
        coefficients = random_field(degree * RING_DEGREE, rng).reshape(degree, RING_DEGREE)
        rows = share(random_field(RING_DEGREE, rng), coefficients, len(shares))
        return tuple(replace(given, values=row) for given, row in zip(shares, rows, strict=True))


class ResealsShares(Hospital):
    """Seals the right shares once more after its proof, and sends these."""

    def prove_round(self, statement: RoundStatement, secret: bytes) -> tuple[ProvedRound, Sealed]:
        """An honest proof; other bytes to send."""
        made, _ = super().prove_round(statement, secret)
        return made, self.seal_shares(made.shares)


class ReblindsAfterProof(Hospital):
    """Seals its shares with other blinds after its proof, and sends these."""

    def prove_round(self, statement: RoundStatement, secret: bytes) -> tuple[ProvedRound, Sealed]:
        """An honest proof; other shares to send."""
        made, _ = super().prove_round(statement, secret)
        rng = self.source("dealing", statement.beacon)
        dealt = (_another_blind(KeyShare.from_bytes(data), rng) for data in made.shares)
        return made, self.seal_shares(tuple(given.to_bytes() for given in dealt))


class SendsOtherObjects(Hospital):
    """Names the sealed shares that its proof binds, and sends others."""

    def _upload(self) -> Iterator[bytes]:
        for message in super()._upload():
            packet = parse(Packet, message)
            ciphertext, proof, *sealed = packet.attachments
            others = (bytes(reversed(data)) for data in sealed)
            yield encode(replace(packet, attachments=(ciphertext, proof, *others)))
