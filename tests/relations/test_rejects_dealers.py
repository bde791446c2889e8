"""A dealer of key shares that deals anything but the committed polynomial's shares is caught by the holder."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from proofward.field.extension import Ext
from proofward.field.goldilocks import add, random_field
from proofward.field.multilinear import evaluate
from proofward.lattice.parameters import RING_DEGREE
from proofward.lattice.shamir import share
from proofward.proof.errors import ProofRejected
from proofward.proof.prover import Prover
from proofward.relations.proofs.prove import prove_round, verify_round
from proofward.relations.proofs.upload import VerifiedRound
from proofward.relations.uploads.key_shares import Digests, KeyShare, ShareBinding, digests_to_bytes
from tests.proof.cheats import refusal
from tests.proof.toy import seeded
from tests.relations.cases import Case, config, dealt_with, make_case, prove_with, round_witness, sealed

Shares = tuple[KeyShare, ...]
VICTIM = 2


@pytest.fixture(scope="module")
def dealing() -> Case:
    """Five holders, any three of whom recover the key."""
    return make_case(config(holders=5, threshold=2))


def prove_dealing(case: Case, deal: Callable[[Shares], Shares]) -> tuple[Shares, Shares, VerifiedRound]:
    """Shares of the committed polynomial, those dealt instead before the proof goes on, and the proof's finding."""
    witness, encryption = round_witness(case, seeded(3))
    honest: list[Shares] = []

    def exchanged(shares: Shares) -> tuple[Shares, Digests]:
        honest.append(shares)
        given = deal(shares)
        return given, sealed(given)

    given, digests, proof = dealt_with(
        case, witness, encryption.ciphertext, Prover, seeded(4), deal=exchanged
    )
    return honest[0], given, verify_round(case.statement, encryption.ciphertext, digests, proof)


def caught(binding: ShareBinding, shares: Shares) -> list[int]:
    """The holders whose check fails."""
    return [s.holder for s in shares if not binding.matches(s.holder, s.values, s.blind)]


def shifted(share: KeyShare, by: int) -> KeyShare:
    """The same share plus by (1, .., 1), and the blind plus by: the extension of the shift is constant."""
    values = add(share.values, np.full(RING_DEGREE, by, np.uint64))
    return replace(share, values=values, blind=share.blind + by)


def to_victim(change: Callable[[KeyShare], KeyShare]) -> Callable[[Shares], Shares]:
    return lambda shares: tuple(change(s) if s.holder == VICTIM else s for s in shares)


def random_share(share: KeyShare) -> KeyShare:
    return replace(share, values=random_field(RING_DEGREE, seeded(8)))


def of_another_key(shares: Shares) -> Shares:
    """Consistent shares of another key for everybody, with the right blinds."""
    key = random_field(RING_DEGREE, seeded(9))
    rows = share(key, random_field(2 * RING_DEGREE, seeded(10)).reshape(2, -1), len(shares))
    return tuple(replace(own, values=row) for own, row in zip(shares, rows, strict=True))


def swapped(shares: Shares) -> Shares:
    """Two holders get each other's share and blind, under their own numbers."""
    first, second = shares[1], shares[VICTIM]
    return (
        shares[0],
        replace(second, holder=first.holder),
        replace(first, holder=second.holder),
        *shares[VICTIM + 1 :],
    )


DEALERS: dict[str, tuple[Callable[[Shares], Shares], list[int]]] = {
    "one bit of one share": (
        to_victim(lambda s: replace(s, values=np.append(s.values[:-1], s.values[-1] ^ np.uint64(1)))),
        [VICTIM],
    ),
    "one blind": (to_victim(lambda s: replace(s, blind=s.blind + 1)), [VICTIM]),
    "a constant shift": (to_victim(lambda s: shifted(s, 1)), [VICTIM]),
    "a large constant shift": (to_victim(lambda s: shifted(s, 1 << 63)), [VICTIM]),
    "a random share": (to_victim(random_share), [VICTIM]),
    "constant shifts to all": (lambda shares: tuple(shifted(s, 5) for s in shares), [0, 1, 2, 3, 4]),
    "another key to all": (of_another_key, [0, 1, 2, 3, 4]),
    "two shares swapped": (swapped, [1, VICTIM]),
}


@pytest.mark.parametrize("name", DEALERS)
def test_rejects_shares_dealt_before_the_proof_goes_on(dealing: Case, name: str) -> None:
    deal, victims = DEALERS[name]
    honest, given, verified = prove_dealing(dealing, deal)
    assert caught(verified.share_binding, given) == victims
    assert caught(verified.share_binding, honest) == []


def test_rejects_shares_that_are_made_to_fit_the_check_after_the_proof(dealing: Case) -> None:
    """Knowing r, w and phi, any share has a blind that fits; but its digest is another than the proof absorbed."""
    case = dealing
    binding = verify_round(
        case.statement, case.result.ciphertext, case.result.sealed_shares, case.result.proof
    ).share_binding
    *place, scale = binding.point
    for change in (random_share, lambda s: shifted(s, 3)):
        altered = change(case.result.shares[VICTIM])
        honest = case.result.shares[VICTIM]
        right = evaluate(honest.values, tuple(place)) * scale - honest.blind
        fitting = replace(altered, blind=evaluate(altered.values, tuple(place)) * scale - right)
        assert binding.matches(VICTIM, fitting.values, fitting.blind)
        digests = list(case.result.sealed_shares)
        digests[VICTIM] = hashlib.sha256(fitting.to_bytes()).digest()
        with pytest.raises(ProofRejected):
            verify_round(case.statement, case.result.ciphertext, tuple(digests), case.result.proof)


def other_digests(digests: Digests) -> dict[str, Digests]:
    """What a dealer may name in place of the digests that its proof absorbed."""
    flipped = bytes([digests[1][0] ^ 1]) + digests[1][1:]
    return {
        "one digest changed": (digests[0], flipped, *digests[2:]),
        "two digests swapped": (digests[0], digests[2], digests[1], *digests[3:]),
        "one digest left out": (digests[0], b"", *digests[2:]),
        "a digest for the dealer": (bytes(32), *digests[1:]),
        "one digest for all": (digests[0], *[digests[1]] * (len(digests) - 1)),
        "digests moved by one holder": (*digests[1:], digests[0]),
    }


@pytest.mark.parametrize("name", other_digests(tuple(bytes([i]) * 32 for i in range(5))))
def test_rejects_other_digests_of_sealed_shares(dealing: Case, name: str) -> None:
    result = dealing.result
    digests = other_digests(result.sealed_shares)[name]
    check = refusal(lambda: verify_round(dealing.statement, result.ciphertext, digests, result.proof))
    assert check not in ("sealed shares", "length")


def test_rejects_digests_of_another_number_or_length(dealing: Case) -> None:
    result, digests = dealing.result, dealing.result.sealed_shares
    for bad in (digests[:-1], (*digests, b""), (), (b"1", *digests[1:]), (*digests[:-1], digests[-1] + b"1")):
        check = refusal(lambda: verify_round(dealing.statement, result.ciphertext, bad, result.proof))
        assert check == "sealed shares"


def test_absent_holders_get_nothing_and_the_rest_is_bound(dealing: Case) -> None:
    witness, encryption = round_witness(dealing, seeded(3))

    def without_the_last(shares: Shares) -> tuple[Shares, Digests]:
        return shares, (*sealed(shares)[:-1], b"")

    digests, proof = prove_with(
        dealing, witness, encryption.ciphertext, Prover, seeded(4), deal=without_the_last
    )
    assert digests[-1] == b""
    verify_round(dealing.statement, encryption.ciphertext, digests, proof)


def test_shares_are_sealed_after_the_blinds_are_committed_and_before_they_are_challenged(case: Case) -> None:
    """Another seal gives another r, w and phi, with the same shares and blinds."""
    seen: list[Shares] = []

    def otherwise(shares: Shares) -> Digests:
        seen.append(shares)
        return (b"", *[bytes(32)] * (len(shares) - 1))

    other = prove_round(case.statement, case.secret, seeded(1001), otherwise)
    assert len(seen) == 1 and seen[0] == other.shares
    assert [s.to_bytes() for s in other.shares] == [s.to_bytes() for s in case.result.shares]
    first, second = (
        verify_round(case.statement, r.ciphertext, r.sealed_shares, r.proof).share_binding
        for r in (case.result, other)
    )
    assert not set(first.point) & set(second.point) and not set(first.values) & set(second.values)
    assert caught(first, case.result.shares) == caught(second, other.shares) == []


def test_digests_have_one_encoding() -> None:
    one, two = b"1" * 32, b"2" * 32
    every = [(one, two), (two, one), (one,), (one, two, b""), (b"", one, two), (one, b"", two), ()]
    assert len({digests_to_bytes(digests) for digests in every}) == len(every)
    with pytest.raises(ValueError, match="0 or 32 bytes, got 31"):
        digests_to_bytes((one[:31],))


def test_the_scale_of_the_check_is_no_field_constant(case: Case) -> None:
    verified = verify_round(
        case.statement, case.result.ciphertext, case.result.sealed_shares, case.result.proof
    )
    scale = verified.share_binding.point[-1]
    assert scale not in (Ext(0, 0), Ext(1, 0)) and scale.c1
