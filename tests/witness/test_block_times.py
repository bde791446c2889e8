"""Headers of Bitcoin's blocks against what a timestamp says: by the first block, of which everybody has it."""

from __future__ import annotations

import pytest

from proofward.witness.timestamps import (
    BITCOIN,
    PENDING,
    Attestation,
    TimestampRefused,
    block_times,
    root_in_words,
)

pytest.importorskip("opentimestamps")

ROOT = bytes.fromhex("4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b")[::-1]
FIRST = bytes.fromhex(f"01000000{'00' * 32}{ROOT.hex()}29ab5f49ffff001d1dac2b7c")
TOLD = [Attestation(BITCOIN, "0", ROOT), Attestation(BITCOIN, "1", bytes(32)), Attestation(PENDING, "a", ROOT)]


def test_of_several_blocks_each_header_is_that_of_one() -> None:
    assert block_times(TOLD, [FIRST]) == {ROOT: 1_231_006_505}
    assert block_times(TOLD, []) == {}


def test_a_header_of_none_of_the_blocks_is_refused() -> None:
    for told in (TOLD[1:], TOLD[2:], []):
        with pytest.raises(TimestampRefused, match=f"found {root_in_words(ROOT)}"):
            block_times(told, [FIRST])


def test_a_header_without_its_work_or_of_another_length_is_refused() -> None:
    with pytest.raises(TimestampRefused, match="work that it claims"):
        block_times(TOLD, [FIRST[:-1] + b"\0"])
    for wrong in (FIRST[:-1], FIRST + b"\0", b""):
        with pytest.raises(TimestampRefused, match="80 bytes"):
            block_times(TOLD, [wrong])
