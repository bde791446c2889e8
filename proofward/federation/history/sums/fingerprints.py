"""A sum of ciphertexts, checked by fingerprints in place of the ciphertexts.

What is shown. The aggregate's sum Y is that of the ciphertexts y_i of the accepted set, entry by entry.

Messages:
    aggregator: the digest of Y, in `aggregate`
    all:        rho = SHAKE-256(consortium, round, attempt, digests of all accepted ciphertexts, digest of Y),
                log2(entries) elements of E
    verifier:   e_i = y~_i(rho) for every hospital i whose proof it has accepted: it has y_i; y~ is the
                multilinear extension of the entries, zeros behind them
    all:        whether Y~(rho) is the sum of all e_i

Soundness. The ciphertexts and Y are fixed before rho is known. Where Y is another vector, Y~ - sum y~_i is a
nonzero multilinear polynomial in v = log2(entries) variables and vanishes at rho with probability v / |E| at
most, for each Y that is tried: with Q hashes Q v / |E|, see `error_bits`. That each e_i is right rests on
what the finding about its proof rests on: as many verifiers say it alike as accept a proof, or all that were
drawn for it. Where two disagree, or one of these is revoked before it has spoken, all verifiers may say it,
and a majority decides; whoever has said otherwise is named (`wrong_fingerprints`). The audit adds up all.

How it hides. Fingerprints are functions of public ciphertexts. Source: Schwartz and Zippel; Fiat-Shamir.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from math import log2
from typing import BinaryIO

import numpy as np

from proofward.federation.history.state.history_state import HistoryState
from proofward.federation.history.state.judges import is_widened, judges_of, sample_of
from proofward.federation.history.state.round_state import RoundState
from proofward.federation.history.sums.opened_sums import BLOCK, entries, size_of
from proofward.federation.messages.basics.refusal import Refusal, require
from proofward.federation.messages.basics.values import Words, words_from_bytes
from proofward.federation.messages.beacon import hash_parts
from proofward.federation.storage.objects import Objects
from proofward.field.extension import DEGREE, Ext
from proofward.field.multilinear import evaluate
from proofward.field.scalar import P
from proofward.lattice.parameters import ciphertext_length
from proofward.lattice.sampler import uniform_words

LOW_VARIABLES = 18
"""Variables of a piece: 2 MiB of entries are in memory at a time."""
Point = tuple[Ext, ...]
_DOMAIN = b"proofward/fingerprint/v1"


def variables(length: int) -> int:
    """v: of the multilinear extension of so many entries."""
    return max(1, (length - 1).bit_length())


def error_bits(length: int, tries: int = 1 << 60) -> float:
    """-log2 of what bounds the error for a sum of that length, when so many sums are tried."""
    return DEGREE * log2(P) - log2(variables(length)) - log2(tries)


def point_of(history: HistoryState) -> Point:
    """rho of the recorded aggregate."""
    state = history.round
    assert state.accepted is not None and state.aggregate is not None
    ciphertexts = [state.uploads[name].record.ciphertext for name in state.accepted.record.hospitals]
    place = state.number.to_bytes(8, "little") + state.attempt.to_bytes(8, "little")
    total = state.aggregate.record.ciphertext_sum
    seed = hash_parts(_DOMAIN, history.rules.digest, place, *ciphertexts, total)
    count = variables(ciphertext_length(entries(history)))
    words = uniform_words(hashlib.shake_256(seed).digest, DEGREE * count).tolist()
    return tuple(Ext.of_limbs(words[DEGREE * at : DEGREE * (at + 1)]) for at in range(count))


def extension_at(file: BinaryIO, length: int, point: Point) -> Ext | None:
    """The multilinear extension of so many words at a point; None where they are not canonical."""
    low = min(len(point), LOW_VARIABLES)
    split, total, piece = len(point) - low, Ext(0), 1 << low
    for number, first in enumerate(range(0, length, piece)):
        count = min(piece, length - first)
        words = words_from_bytes(file.read(8 * count), count)
        if words is None:
            return None
        table = np.zeros(piece, np.uint64)
        table[:count] = words
        total = total + evaluate(table, point[split:]) * _weight(number, point[:split])
    return total


def _weight(number: int, point: Point) -> Ext:
    """eq(point, number), the first variable being the most significant bit."""
    weight = Ext(1)
    for place, value in enumerate(reversed(point)):
        weight = weight * (value if number >> place & 1 else 1 - value)
    return weight


def fingerprint_of(history: HistoryState, objects: Objects, hospital: str, point: Point) -> bytes:
    """e_i of a hospital in the accepted set; raises Refusal where its ciphertext is missing or malformed."""
    length = ciphertext_length(entries(history))
    with objects.open(history.round.uploads[hospital].record.ciphertext) as file:
        size = size_of(file)
        found = extension_at(file, length, point) if size == 8 * length else None
    if found is None:
        raise Refusal("ciphertext", hospital, "canonical field elements", f"{size} other bytes")
    return found.to_bytes()


def owed(history: HistoryState, verifier: str) -> tuple[str, ...]:
    """Of which hospitals' ciphertexts a verifier says the fingerprints: of those that it has accepted."""
    state = history.round
    assert state.accepted is not None
    return tuple(name for name in state.accepted.record.hospitals if _accepted(state, verifier, name))


def _accepted(state: RoundState, verifier: str, hospital: str) -> bool:
    verdict = state.verdicts.get((verifier, hospital))
    return verdict is not None and verdict.accepted


def settled(history: HistoryState, hospital: str) -> bytes | None:
    """The fingerprint that counts, None as long as too few have said it."""
    state, rules = history.round, history.rules
    said = state.fingerprints.about(hospital)
    if rules.sample and not (is_widened(history, hospital) or is_contested(history, hospital)):
        drawn = [said.get(name) for name in judges_of(history, hospital)]
        return drawn[0] if drawn and None not in drawn else None
    return alike(state, hospital, rules.accepting_verdicts)


def alike(state: RoundState, hospital: str, quorum: int) -> bytes | None:
    """What at least `quorum` verifiers have said, else None."""
    counts = Counter(state.fingerprints.about(hospital).values())
    return next((value for value, count in counts.items() if count >= quorum), None)


def is_contested(history: HistoryState, hospital: str) -> bool:
    """Whether verifiers disagree about a fingerprint, or one that owes it will never say it."""
    state = history.round
    said = state.fingerprints.about(hospital)
    owing = (name for name in sample_of(history, hospital) if _accepted(state, name, hospital))
    silent = any(name in history.revoked and name not in said for name in owing)
    return silent or len(set(said.values())) > 1


def contested(history: HistoryState) -> Iterator[str]:
    """Hospitals whose fingerprints all verifiers may say, ascending."""
    assert history.round.accepted is not None
    for name in history.round.accepted.record.hospitals:
        if is_contested(history, name):
            yield name


def unsettled(history: HistoryState) -> tuple[str, ...]:
    """Hospitals of the accepted set whose fingerprints do not count yet."""
    assert history.round.accepted is not None
    return tuple(name for name in history.round.accepted.record.hospitals if settled(history, name) is None)


def wrong_fingerprints(state: RoundState, quorum: int) -> dict[tuple[str, str], tuple[str, ...]]:
    """By (verifier, hospital) whose fingerprint is another than that of so many, who have said that one."""
    wrong: dict[tuple[str, str], tuple[str, ...]] = {}
    for hospital in dict.fromkeys(hospital for _, hospital in state.fingerprints):
        right = alike(state, hospital, quorum)
        said = state.fingerprints.about(hospital)
        by = tuple(sorted(name for name, value in said.items() if value == right))
        if right is not None:
            wrong |= {(name, hospital): by for name, value in said.items() if value != right}
    return wrong


def require_sum(history: HistoryState, objects: Objects) -> None:
    """Raises Refusal against the aggregator unless its sum has the sum of all settled fingerprints."""
    state, culprit = history.round, history.rules.aggregator
    assert state.accepted is not None and state.aggregate is not None
    expected = Ext(0)
    for name in state.accepted.record.hospitals:
        value = settled(history, name)
        require(value is not None, "fingerprints", culprit, f"a settled fingerprint of {name}", "none")
        assert value is not None
        expected = expected + Ext.from_bytes(value)
    length = ciphertext_length(entries(history))
    with objects.open(state.aggregate.record.ciphertext_sum) as file:
        size = size_of(file)
        found = extension_at(file, length, point_of(history)) if size == 8 * length else None
    shown = f"{size} other bytes" if found is None else found.to_bytes()
    require(found == expected, "aggregate-ciphertext-sum", culprit, expected.to_bytes(), shown)


def announced_sums(
    history: HistoryState, objects: Objects, hospitals: Sequence[str], start: int = 0
) -> Generator[tuple[int, Words], None, None]:
    """The aggregate's sum from the entry `start` on, as `opened_sums.ciphertext_sums` gives it."""
    length, aggregate = ciphertext_length(entries(history)), history.round.aggregate
    assert aggregate is not None
    with objects.open(aggregate.record.ciphertext_sum) as file:
        size = size_of(file)
        file.seek(8 * start)
        for first in range(start, length, BLOCK):
            count = min(BLOCK, length - first)
            words = words_from_bytes(file.read(8 * count), count) if size == 8 * length else None
            if words is None:
                expected, found = "canonical field elements", f"{size} other bytes"
                raise Refusal("aggregate-ciphertext-sum", history.rules.aggregator, expected, found)
            yield first, words
