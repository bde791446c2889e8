from __future__ import annotations

from dataclasses import replace

import pytest

from proofward.lattice import sealing
from proofward.lattice.errors import ArgumentRefused, ComplaintRefused, SealBroken

PAIR = sealing.Pair(bytes(32), 4, 0, "north", "south")
SEED = b"k" * 32
SECRET = sealing.pair_secret(SEED, PAIR)
KEY = sealing.public_key(SECRET)
SHARE = bytes(range(256)) * 8


def acceptable(share: bytes) -> bool:
    return share == SHARE


def test_a_sealed_share_opens_for_its_holder() -> None:
    sealed = sealing.seal(PAIR, KEY, SHARE)
    assert len(KEY) == sealing.PUBLIC_KEY_BYTES
    assert len(sealed) == len(SHARE) + sealing.SEAL_OVERHEAD
    assert SHARE[:64] not in sealed
    assert sealing.open_sealed(PAIR, SECRET, sealed) == SHARE
    assert sealing.open_sealed(PAIR, SECRET, sealing.seal(PAIR, KEY, b"")) == b""


def test_keys_are_deterministic_and_differ_for_every_part_of_the_pair() -> None:
    others = [
        replace(PAIR, consortium=b"c" * 32),
        replace(PAIR, round=5),
        replace(PAIR, attempt=1),
        replace(PAIR, dealer="nort"),
        replace(PAIR, holder="hsouth"),
        replace(PAIR, dealer="south", holder="north"),
    ]
    assert sealing.pair_secret(SEED, replace(PAIR)) == SECRET
    secrets = {sealing.pair_secret(SEED, pair) for pair in others} | {
        SECRET,
        sealing.pair_secret(b"l" * 32, PAIR),
    }
    assert len(secrets) == len(others) + 2


def test_names_cannot_run_into_each_other() -> None:
    assert (
        replace(PAIR, dealer="ab", holder="c").to_bytes() != replace(PAIR, dealer="a", holder="bc").to_bytes()
    )


@pytest.mark.parametrize("position", [0, 500, 1087, 1088, 1119, 1120, 1500, -17, -1])
def test_every_altered_byte_breaks_the_seal(position: int) -> None:
    sealed = bytearray(sealing.seal(PAIR, KEY, SHARE))
    sealed[position] ^= 1
    with pytest.raises(SealBroken, match="sealed by north to south"):
        sealing.open_sealed(PAIR, SECRET, bytes(sealed))


@pytest.mark.parametrize("length", [0, 1, 1119, 1120, 1135, 1136, 3000])
def test_cut_bytes_break_the_seal(length: int) -> None:
    with pytest.raises(SealBroken):
        sealing.open_sealed(PAIR, SECRET, sealing.seal(PAIR, KEY, SHARE)[:length])


@pytest.mark.parametrize(
    "changed", [{"round": 5}, {"attempt": 1}, {"dealer": "west"}, {"consortium": b"c" * 32}]
)
def test_a_share_moved_to_another_pair_does_not_open(changed: dict[str, object]) -> None:
    sealed = sealing.seal(PAIR, KEY, SHARE)
    with pytest.raises(SealBroken):
        sealing.open_sealed(replace(PAIR, **changed), SECRET, sealed)


@pytest.mark.parametrize("key", [b"", KEY[:-1], KEY + b"x", b"\xff" * len(KEY), KEY[:1184] + bytes(32)])
def test_what_is_no_public_key_is_refused(key: bytes) -> None:
    with pytest.raises(ArgumentRefused, match="public key"):
        sealing.seal(PAIR, key, SHARE)


def test_pairs_and_seeds_are_checked() -> None:
    for bad in ({"consortium": b""}, {"round": -1}, {"attempt": 2**64}, {"dealer": ""}, {"holder": "\ud800"}):
        with pytest.raises(ArgumentRefused):
            replace(PAIR, **bad)
    with pytest.raises(ArgumentRefused, match="seed"):
        sealing.pair_secret(b"short", PAIR)


@pytest.mark.parametrize(
    "sealed",
    [b"", bytes(5000), sealing.seal(PAIR, KEY, SHARE)[:-1], sealing.seal(replace(PAIR, round=9), KEY, SHARE)],
)
def test_a_dealer_who_sealed_what_does_not_open_is_blamed(sealed: bytes) -> None:
    fault = sealing.check_complaint(PAIR, KEY, sealed, SECRET, acceptable)
    assert (fault.dealer, fault.holder) == ("north", "south")
    assert "do not open" in fault.reason


def test_a_dealer_who_sealed_another_share_is_blamed() -> None:
    fault = sealing.check_complaint(PAIR, KEY, sealing.seal(PAIR, KEY, SHARE[:-1] + b"!"), SECRET, acceptable)
    assert fault.dealer == "north"
    assert "contradicts" in fault.reason


def test_an_honest_dealer_is_not_blamed_by_the_right_secret() -> None:
    with pytest.raises(ComplaintRefused) as caught:
        sealing.check_complaint(PAIR, KEY, sealing.seal(PAIR, KEY, SHARE), SECRET, acceptable)
    assert caught.value.reason == "the share is right"


@pytest.mark.parametrize("secret", [bytes(32), sealing.pair_secret(b"l" * 32, PAIR), SECRET[:-1] + b"\x00"])
def test_a_complaint_with_another_secret_is_refused(secret: bytes) -> None:
    for sealed in (sealing.seal(PAIR, KEY, SHARE), b"garbage"):
        with pytest.raises(ComplaintRefused) as caught:
            sealing.check_complaint(PAIR, KEY, sealed, secret, acceptable)
        assert caught.value.reason == "another pair secret"


@pytest.mark.parametrize("secret", [b"", SECRET + b"x", bytes(31)])
def test_a_complaint_with_a_malformed_secret_is_refused(secret: bytes) -> None:
    with pytest.raises(ComplaintRefused) as caught:
        sealing.check_complaint(PAIR, KEY, b"garbage", secret, acceptable)
    assert caught.value.reason == "malformed pair secret"
