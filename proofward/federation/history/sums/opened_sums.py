"""The sum of a round's ciphertexts, and what opens it, from what is recorded.

One sum of secrets at most decodes the last block, whose added entries hold 0 (`lattice.decoding`). Where so
many share sums are wrong that their number does not tell which, sets of t + 1 holders are tried until one
decodes it: that is the sum, and every holder whose share sum is off its polynomial is named. A malformed
share sum counts as wrong. All of it goes through memory in blocks of `BLOCK` entries: nothing of a model's
size is ever held as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack
from os import SEEK_END
from tempfile import TemporaryFile
from typing import BinaryIO

from proofward.federation.history.proving.statements import weight_shift
from proofward.federation.history.state.history_state import HistoryState
from proofward.federation.messages.basics.refusal import Refusal
from proofward.federation.messages.basics.values import Words, words_from_bytes, words_to_bytes
from proofward.federation.storage.objects import Objects
from proofward.lattice.decoding import CiphertextSum, SumDecoder
from proofward.lattice.errors import DecodingFailed
from proofward.lattice.parameters import RING_DEGREE, ciphertext_length, last_block
from proofward.lattice.sampler import MaskContext
from proofward.lattice.shamir import Recovered, candidates
from proofward.relations.rules.clipped_rule import ClippedRule
from proofward.relations.rules.update_rule import UpdateRule

Sums = Callable[..., Generator[tuple[int, Words], None, None]]
"""Gives a sum of ciphertexts part by part, as `ciphertext_sums` does."""
BLOCK = 64 * RING_DEGREE
"""Entries in memory at a time: 2 MiB of words."""

MOST_OPEN = 64
"""Ciphertexts read side by side; sums of so many are kept in temporary files when there are more."""


def update_rules(history: HistoryState) -> list[UpdateRule | ClippedRule]:
    """The public numbers of every update in the accepted set."""
    accepted, config = history.round.accepted, history.rules.config
    assert accepted is not None
    shift = weight_shift(history, history.round)
    return [config.update_rule(history.enrolled[name], shift) for name in accepted.record.hospitals]


def entries(history: HistoryState) -> int:
    """How many numbers an upload of the round under way encrypts."""
    counting = history.counting
    return history.rules.config.model.parameters if counting is None else counting.length


def _bound(history: HistoryState) -> int:
    """What no entry of the sum can exceed in magnitude."""
    accepted, counting = history.round.accepted, history.counting
    assert accepted is not None
    if counting is None:
        config, shift = history.rules.config, weight_shift(history, history.round)
        return sum(
            config.message_bound(history.enrolled[name], shift) for name in accepted.record.hospitals
        )
    return len(accepted.record.hospitals) * counting.message_bound


def recover(
    history: HistoryState, objects: Objects, shares: dict[int, Words], summed: Sums
) -> tuple[Recovered, SumDecoder]:
    """The sum of secrets that decodes the last block, and a decoder with it; raises LatticeError."""
    state, config = history.round, history.rules.config
    assert state.accepted is not None
    hospitals, context = state.accepted.record.hospitals, MaskContext(state.beacon, state.number)
    length = entries(history)
    start = last_block(length)
    last: Words | None = None
    for recovered in candidates(shares, config.threshold, len(hospitals)):
        if last is None:
            ((_, last),) = summed(history, objects, hospitals, start)
        decoder = SumDecoder(
            context,
            recovered.secret,
            hospitals=len(hospitals),
            parameters=length,
            bound=_bound(history),
        )
        try:
            decoder.decode(last, start)
        except DecodingFailed:
            continue
        return recovered, decoder
    given = ", ".join(history.round.committee[holder] for holder in sorted(shares))
    expected = f"{config.threshold + 1} of them that agree on a sum of secrets which decodes the last block"
    raise DecodingFailed(f"share sums of {given}", expected, "none")


def share_sums(history: HistoryState, objects: Objects) -> dict[int, Words]:
    """The well-formed recorded share sums, by holder."""
    shares: dict[int, Words] = {}
    for name, said in history.round.share_sums.items():
        values = words_from_bytes(objects.get(said.values), RING_DEGREE)
        if values is not None:
            shares[history.round.committee.index(name)] = values
    return shares


def _opened_ciphertext(history: HistoryState, objects: Objects, hospital: str) -> BinaryIO:
    file = objects.open(history.round.uploads[hospital].record.ciphertext)
    if (size := size_of(file)) != 8 * ciphertext_length(entries(history)):
        file.close()
        raise _strange(hospital, size)
    return file


def size_of(file: BinaryIO) -> int:
    size = file.seek(0, SEEK_END)
    file.seek(0)
    return size


def _strange(hospital: str, size: int) -> Refusal:
    return Refusal("ciphertext", hospital, "canonical field elements", f"{size} other bytes")


def ciphertext_sums(
    history: HistoryState, objects: Objects, hospitals: Sequence[str], start: int = 0
) -> Generator[tuple[int, Words], None, None]:
    """The sum of ciphertexts from the entry `start` on: blocks, each with the number of its first entry."""
    length = ciphertext_length(entries(history))
    with ExitStack() as stack:
        files: list[tuple[str, BinaryIO]] = []
        if len(hospitals) <= MOST_OPEN:
            for name in hospitals:
                files.append((name, stack.enter_context(_opened_ciphertext(history, objects, name))))
                files[-1][1].seek(8 * start)
        else:
            for at in range(0, len(hospitals), MOST_OPEN):
                part = stack.enter_context(TemporaryFile())
                for _, total in ciphertext_sums(history, objects, hospitals[at : at + MOST_OPEN], start):
                    part.write(words_to_bytes(total))
                part.seek(0)
                files.append((history.rules.aggregator, part))
        for first in range(start, length, BLOCK):
            running = CiphertextSum(min(BLOCK, length - first))
            for name, file in files:
                words = words_from_bytes(file.read(8 * running.total.size), running.total.size)
                if words is None:
                    raise _strange(name, 8 * length)
                running.add(words)
            yield first, running.total
