"""Hashes, keys, typed data and packing, against other implementations and against altered bytes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofward.chain.basics.libraries import imported
from proofward.chain.contract.curve import ORDER
from proofward.chain.contract.errors import ChainSignatureInvalid, NotPackable
from proofward.chain.contract.keccak import keccak256
from proofward.chain.contract.keys import (
    P256_ORDER,
    ChainKey,
    Signature,
    address_text,
    kind_of,
)
from proofward.chain.contract.packing import pack_bitmap, pack_weights, unpack_bitmap, unpack_weights
from proofward.chain.contract.typed_data import (
    Checkpoint,
    Domain,
    Outcome,
    Replacement,
    TypedRecord,
    Verdict,
    Weights,
)
from proofward.federation.messages.consortium.usual import CHAIN_KEY_KINDS, P256, SECP256K1

WORD = bytes(range(32))
DOMAIN = Domain(31337, bytes(range(20)), WORD)
RECORDS: list[TypedRecord] = [
    Checkpoint(5, WORD),
    Weights(5, WORD, 3, WORD),
    Outcome(5, WORD, WORD, WORD, 1, 2, WORD, WORD, WORD, WORD, WORD, WORD, 77),
    Verdict(1, 2, 3, WORD, True, WORD, WORD),
    Replacement(1, 2, WORD, WORD),
]


def test_keccak_of_nothing_is_the_known_hash():
    assert keccak256(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"


@pytest.mark.parametrize("length", [1, 55, 135, 136, 137, 271, 272, 600])
def test_keccak_is_that_of_another_implementation(length: int):
    with imported():
        other = pytest.importorskip("eth_hash.auto", reason="web3 is not installed").keccak
    data = bytes(i & 255 for i in range(length))
    assert keccak256(data) == other(data)


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_a_wallet_that_is_asked_for_typed_data_signs_our_digest(record: TypedRecord):
    with imported():
        messages = pytest.importorskip("eth_account.messages", reason="web3 is not installed")
        account = pytest.importorskip("eth_account").Account
    key = ChainKey(SECP256K1, WORD)
    signable = messages.encode_typed_data(full_message=DOMAIN.typed_json(record))
    signed = account.sign_message(signable, key.secret)
    own = key.sign(DOMAIN.digest(record))
    assert (signed.v, signed.r, signed.s) == (own.v, own.r, own.s)
    assert account.from_key(key.secret).address == address_text(key.seat)


@pytest.mark.parametrize("kind", CHAIN_KEY_KINDS)
def test_a_signature_tells_its_seat(kind: str):
    key = ChainKey(kind, WORD)
    made = key.sign(WORD)
    assert made == key.sign(WORD), "the same every time"
    assert made.seat(WORD) == key.seat and kind_of(key.seat) == kind
    assert Signature.from_bytes(made.to_bytes()) == made
    order = P256_ORDER if kind == P256 else ORDER
    wrong = [
        replace(made, s=order - made.s), replace(made, s=0), replace(made, r=0), replace(made, r=order),
        replace(made, v=99), replace(made, v=1), replace(made, x=made.x ^ 1), replace(made, y=made.y ^ 1),
    ]  # fmt: skip
    for signature in wrong:
        with pytest.raises(ChainSignatureInvalid):
            signature.seat(WORD)
    try:
        assert made.seat(bytes(32)) != key.seat
    except ChainSignatureInvalid:
        assert kind == P256


def test_what_is_no_key_and_no_signature_is_refused():
    for kind, secret in (("rsa", WORD), (P256, bytes(32)), (P256, WORD[:31]), (SECP256K1, ORDER.to_bytes(32, "big"))):
        with pytest.raises(ChainSignatureInvalid):
            ChainKey(kind, secret)
    with pytest.raises(ChainSignatureInvalid, match="kind of key"):
        ChainKey.generate("rsa")
    for length in (0, 159, 161):
        with pytest.raises(ChainSignatureInvalid, match="160 bytes"):
            Signature.from_bytes(bytes(length))
    with pytest.raises(ChainSignatureInvalid, match="an address"):
        address_text(ChainKey(P256, WORD).seat)


@pytest.mark.parametrize("kind", CHAIN_KEY_KINDS)
def test_fresh_keys_differ(kind: str):
    assert ChainKey.generate(kind).seat != ChainKey.generate(kind).seat


def test_a_secret_key_is_not_shown():
    assert WORD.hex() not in repr(ChainKey(P256, WORD)) and repr(WORD) not in repr(ChainKey(P256, WORD))


@settings(max_examples=25)
@given(st.lists(st.integers(0, 2**48 - 1), min_size=1, max_size=30))
def test_weights_come_back(weights: list[int]):
    packed = pack_weights(weights)
    assert len(packed) == 32 * (-(-len(weights) // 5)) and unpack_weights(packed, len(weights)) == weights


@settings(max_examples=25)
@given(st.integers(1, 600).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n - 1)))))
def test_a_set_comes_back(drawn: tuple[int, set[int]]):
    hospitals, accepted = drawn
    bitmap = pack_bitmap(accepted, hospitals)
    words = -(-hospitals // 5)
    assert len(bitmap) == 32 * (-(-5 * words // 256)) and unpack_bitmap(bitmap, hospitals) == sorted(accepted)


def test_what_has_no_form_and_other_forms_are_refused():
    packed, bitmap = pack_weights([1, 2, 3]), pack_bitmap([2], 3)
    attempts = (
        lambda: pack_weights([]), lambda: pack_weights([1] * 5121), lambda: pack_weights([2**48]), lambda: pack_weights([-1]),
        lambda: pack_bitmap([3], 3), lambda: pack_bitmap([-1], 3),
        lambda: unpack_weights(packed[1:], 3), lambda: unpack_weights(packed + bytes(32), 3), lambda: unpack_weights(packed, 2),
        lambda: unpack_weights(b"\x80" + packed[1:], 3), lambda: unpack_bitmap(bitmap, 2), lambda: unpack_bitmap(bitmap + b"0", 3),
        lambda: unpack_bitmap(b"\x80" + bitmap[1:], 3),
    )  # fmt: skip
    for attempt in attempts:
        with pytest.raises(NotPackable):
            attempt()


def test_a_domain_has_an_address_and_words_have_32_bytes():
    with pytest.raises(ValueError, match="20 bytes"):
        Domain(1, WORD, WORD).separator()
    with pytest.raises(ValueError, match="32 bytes"):
        Checkpoint(1, b"").struct_hash()
    with pytest.raises(OverflowError):
        Checkpoint(-1, WORD).struct_hash()
