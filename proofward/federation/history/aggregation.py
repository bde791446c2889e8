"""The result of a round from what is recorded.

Every party computes it alike, so nobody has to be trusted with it.

Order: the sum of the secrets from the recorded share sums; the sum of the accepted ciphertexts, block by
block; the exact sum of the updates; the next model, and the next state of the server's optimizer.

One sum of secrets at most decodes the last block, whose added entries hold 0 (`lattice.decoding`). Where so
many share sums are wrong that their number does not tell which, sets of t + 1 holders are tried until one
decodes it: that is the sum, and every holder whose share sum is off its polynomial is named. A malformed
share sum counts as wrong. All of it goes through memory in blocks of `BLOCK` entries: nothing of a model's
size is ever held as a whole.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from os import SEEK_END
from tempfile import TemporaryFile
from typing import BinaryIO

import numpy as np

from proofward.federation.history.history_state import HistoryState
from proofward.federation.history.statements import weight_shift
from proofward.federation.history.unmasking_steps import total_rows
from proofward.federation.messages.catalogue import Aggregate, StatefulAggregate
from proofward.federation.messages.refusal import Refusal, describe, require
from proofward.federation.messages.values import (
    Signed,
    Words,
    integers_from_bytes,
    integers_to_bytes,
    words_from_bytes,
    words_to_bytes,
)
from proofward.federation.storage.objects import NewObject, Objects, Spool
from proofward.lattice.decoding import CiphertextSum, SumDecoder, centred_secret_sum
from proofward.lattice.errors import DecodingFailed, LatticeError
from proofward.lattice.parameters import RING_DEGREE, ciphertext_length, last_block
from proofward.lattice.sampler import MaskContext
from proofward.lattice.shamir import Recovered, candidates
from proofward.layers.errors import TrainingError
from proofward.optimizers.contract import State
from proofward.relations.update_rule import UpdateRule

BLOCK = 64 * RING_DEGREE
"""Entries in memory at a time: 2 MiB of words."""

MOST_OPEN = 64
"""Ciphertexts read side by side; sums of so many are kept in temporary files when there are more."""


@dataclass(frozen=True)
class RoundResult:
    """Digests of an aggregate's objects, and the holders (names, sorted) whose share sums are wrong."""

    wrong_holders: tuple[str, ...]
    ciphertext_sum: bytes
    secret_sum: bytes
    update_sum: bytes
    model: bytes
    server_state: tuple[bytes, ...] = ()

    def record(self, history: HistoryState) -> Aggregate:
        """The message that announces this result."""
        said = (
            tuple(sorted(history.round.share_sums)),
            self.wrong_holders,
            self.ciphertext_sum,
            self.secret_sum,
            self.update_sum,
            total_rows(history),
            self.model,
        )
        return StatefulAggregate(*said, self.server_state) if self.server_state else Aggregate(*said)


def model_weights(history: HistoryState, objects: Objects, digest: bytes) -> Signed:
    """The flat weights of a model object; raises Refusal."""
    length = history.rules.config.model.parameters
    data = objects.get(digest)
    weights = integers_from_bytes(data, length)
    if weights is None:
        raise Refusal("model", history.rules.aggregator, f"{8 * length} bytes", f"{len(data)} bytes")
    return weights


def server_state(history: HistoryState, objects: Objects) -> State:
    """The state of the server's optimizer with which the round under way began; raises Refusal."""
    if not history.server_state:
        return history.rules.config.model_rule.first_state(history.rules.config.model.parameters)
    return tuple(model_weights(history, objects, digest) for digest in history.server_state)


def compute_result(history: HistoryState, objects: Objects, spool: Spool = NewObject) -> RoundResult:
    """The result of the round under way, whose share sums are recorded; its objects go to `spool`.

    Raises Refusal when there is none.
    """
    state, rules = history.round, history.rules
    assert state.accepted is not None
    hospitals, weight = state.accepted.record.hospitals, sum(rule.weight for rule in update_rules(history))
    shares = _share_sums(history, objects)
    with ExitStack() as stack:
        before = [
            stack.enter_context(_opened_model(history, objects, digest))
            for digest in (state.model, *history.server_state)
        ]
        rule = rules.config.model_rule
        outputs = [stack.enter_context(spool()) for _ in range(4 + len(rule.optimizer.vectors))]
        ciphertext_sum, secret_sum, update_sum, *after = outputs
        sums = stack.enter_context(closing(_sums(history, objects, hospitals)))
        try:
            recovered, decoder = _recover(history, objects, shares)
            secret_sum.write(integers_to_bytes(centred_secret_sum(recovered.secret, len(hospitals))))
            for first, total in sums:
                update = decoder.decode(total, first)
                ciphertext_sum.write(words_to_bytes(total))
                update_sum.write(integers_to_bytes(update))
                if update.size:
                    weights, *vectors = (_integers(file, update.size) for file in before)
                    at_first = () if history.server_state else rule.first_state(update.size)
                    model, made = rule.following(weights, (*vectors, *at_first), update, weight)
                    for file, values in zip(after, (model, *made), strict=True):
                        file.write(integers_to_bytes(values))
        except LatticeError as error:
            for _ in sums:  # a hospital whose ciphertext is at fault is named first
                pass
            expected = "share sums that unmask the accepted set"
            raise Refusal("unmasking", rules.aggregator, expected, describe(str(error), 400)) from error
        except TrainingError as error:
            found = describe(str(error), 400)
            raise Refusal("model", rules.aggregator, "an admissible model", found) from error
        good = {rules.hospitals[holder] for holder in shares if holder not in recovered.wrong}
        wrong = tuple(sorted(set(state.share_sums) - good))
        return RoundResult(
            wrong,
            ciphertext_sum.finish(),
            secret_sum.finish(),
            update_sum.finish(),
            model=after[0].finish(),
            server_state=tuple(output.finish() for output in after[1:]),
        )


def update_rules(history: HistoryState) -> list[UpdateRule]:
    """The public numbers of every update in the accepted set."""
    accepted, config = history.round.accepted, history.rules.config
    assert accepted is not None
    shift = weight_shift(history, history.round)
    return [config.update_rule(history.enrolled[name], shift) for name in accepted.record.hospitals]


def _recover(
    history: HistoryState, objects: Objects, shares: dict[int, Words]
) -> tuple[Recovered, SumDecoder]:
    """The sum of secrets that decodes the last block, and a decoder with it; raises LatticeError."""
    state, config = history.round, history.rules.config
    assert state.accepted is not None
    hospitals, context = state.accepted.record.hospitals, MaskContext(state.beacon, state.number)
    start = last_block(config.model.parameters)
    last: Words | None = None
    for recovered in candidates(shares, config.threshold, len(hospitals)):
        if last is None:
            ((_, last),) = _sums(history, objects, hospitals, start)
        decoder = SumDecoder(
            context,
            recovered.secret,
            hospitals=len(hospitals),
            parameters=config.model.parameters,
            bound=sum(rule.bound for rule in update_rules(history)),
        )
        try:
            decoder.decode(last, start)
        except DecodingFailed:
            continue
        return recovered, decoder
    given = ", ".join(history.rules.hospitals[holder] for holder in sorted(shares))
    expected = f"{config.threshold + 1} of them that agree on a sum of secrets which decodes the last block"
    raise DecodingFailed(f"share sums of {given}", expected, "none")


def _share_sums(history: HistoryState, objects: Objects) -> dict[int, Words]:
    shares: dict[int, Words] = {}
    for name, said in history.round.share_sums.items():
        values = words_from_bytes(objects.get(said.values), RING_DEGREE)
        if values is not None:
            shares[history.rules.holder(name)] = values
    return shares


def _opened_model(history: HistoryState, objects: Objects, digest: bytes) -> BinaryIO:
    file, expected = objects.open(digest), 8 * history.rules.config.model.parameters
    if (size := _size(file)) != expected:
        file.close()
        raise Refusal("model", history.rules.aggregator, f"{expected} bytes", f"{size} bytes")
    return file


def _opened_ciphertext(history: HistoryState, objects: Objects, hospital: str) -> BinaryIO:
    file = objects.open(history.round.uploads[hospital].record.ciphertext)
    if (size := _size(file)) != 8 * ciphertext_length(history.rules.config.model.parameters):
        file.close()
        raise _strange(hospital, size)
    return file


def _integers(file: BinaryIO, count: int) -> Signed:
    values = integers_from_bytes(file.read(8 * count), count)
    assert values is not None
    return values


def _size(file: BinaryIO) -> int:
    size = file.seek(0, SEEK_END)
    file.seek(0)
    return size


def _strange(hospital: str, size: int) -> Refusal:
    return Refusal("ciphertext", hospital, "canonical field elements", f"{size} other bytes")


def _sums(
    history: HistoryState, objects: Objects, hospitals: Sequence[str], start: int = 0
) -> Generator[tuple[int, Words], None, None]:
    """The sum of ciphertexts from the entry `start` on: blocks, each with the number of its first entry."""
    length = ciphertext_length(history.rules.config.model.parameters)
    with ExitStack() as stack:
        files: list[tuple[str, BinaryIO]] = []
        if len(hospitals) <= MOST_OPEN:
            for name in hospitals:
                files.append((name, stack.enter_context(_opened_ciphertext(history, objects, name))))
                files[-1][1].seek(8 * start)
        else:
            for at in range(0, len(hospitals), MOST_OPEN):
                part = stack.enter_context(TemporaryFile())
                for _, total in _sums(history, objects, hospitals[at : at + MOST_OPEN], start):
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


def check_aggregate(history: HistoryState, objects: Objects) -> RoundResult:
    """Recomputes the recorded aggregate and compares; raises Refusal against the aggregator."""
    said = history.round.aggregate
    assert said is not None
    result = compute_result(history, objects)
    expected, found, culprit = result.record(history), said.record, history.rules.aggregator
    for field in ("wrong_holders", "ciphertext_sum", "secret_sum", "update_sum", "model", "state"):
        mine, theirs = getattr(expected, field), getattr(found, field)
        require(mine == theirs, f"aggregate-{field.replace('_', '-')}", culprit, mine, theirs)
    return result


def sum_shares(shares: list[Words]) -> Words:
    """Sum of a holder's shares over F, F-array (4096,)."""
    running = CiphertextSum(RING_DEGREE)
    for share in shares:
        running.add(np.ascontiguousarray(share))
    return running.total
