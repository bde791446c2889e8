"""The result of a round from what is recorded.

Every party computes it alike, so nobody has to be trusted with it.

Order: the sum of the secrets from the recorded share sums; the sum of the accepted ciphertexts, block by
block; the exact sum of the updates, or of the counts; where the round trains, the next model, and the next
state of the server's optimizer. All of it goes through memory in blocks, see `opened_sums`.
"""

from __future__ import annotations

from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from proofward.federation.history.state.history_state import HistoryState
from proofward.federation.history.sums.fingerprints import announced_sums, require_sum
from proofward.federation.history.sums.opened_sums import (
    Sums,
    ciphertext_sums,
    recover,
    share_sums,
    size_of,
    update_rules,
)
from proofward.federation.messages.basics.refusal import Refusal, describe, require
from proofward.federation.messages.basics.values import (
    Signed,
    Words,
    integers_from_bytes,
    integers_to_bytes,
    words_to_bytes,
)
from proofward.federation.messages.records.catalogue import Aggregate, StatefulAggregate
from proofward.federation.storage.objects import NewObject, Objects, Spool
from proofward.lattice.decoding import CiphertextSum, centred_secret_sum
from proofward.lattice.errors import LatticeError
from proofward.lattice.parameters import RING_DEGREE
from proofward.layers.basics.errors import TrainingError
from proofward.optimizers.contract import State


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
            history.total_rows,
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


def compute_result(
    history: HistoryState, objects: Objects, spool: Spool = NewObject, summed: Sums = ciphertext_sums
) -> RoundResult:
    """The result of the round under way, whose share sums are recorded; its objects go to `spool`.

    summed: gives the sum of ciphertexts. Raises Refusal when there is no result.
    """
    state, rules = history.round, history.rules
    assert state.accepted is not None
    hospitals, shares = state.accepted.record.hospitals, share_sums(history, objects)
    with ExitStack() as stack:
        after = None if history.counting else _NextModel(history, objects, spool, stack)
        ciphertext_sum, secret_sum, update_sum = (stack.enter_context(spool()) for _ in range(3))
        sums = stack.enter_context(closing(summed(history, objects, hospitals)))
        try:
            recovered, decoder = recover(history, objects, shares, summed)
            secret_sum.write(integers_to_bytes(centred_secret_sum(recovered.secret, len(hospitals))))
            for first, total in sums:
                update = decoder.decode(total, first)
                ciphertext_sum.write(words_to_bytes(total))
                update_sum.write(integers_to_bytes(update))
                if update.size and after is not None:
                    after.write(update)
        except LatticeError as error:
            for _ in sums:  # a hospital whose ciphertext is at fault is named first
                pass
            expected = "share sums that unmask the accepted set"
            raise Refusal("unmasking", rules.aggregator, expected, describe(str(error), 400)) from error
        except TrainingError as error:
            found = describe(str(error), 400)
            raise Refusal("model", rules.aggregator, "an admissible model", found) from error
        good = {state.committee[holder] for holder in shares if holder not in recovered.wrong}
        wrong = tuple(sorted(set(state.share_sums) - good))
        digests = ciphertext_sum.finish(), secret_sum.finish(), update_sum.finish()
        if after is None:
            return RoundResult(wrong, *digests, model=state.model)
        model, *vectors = after.finish()
        return RoundResult(wrong, *digests, model=model, server_state=tuple(vectors))


class _NextModel:
    """The next model and state of the server's optimizer, from the sum of updates, part by part."""

    def __init__(self, history: HistoryState, objects: Objects, spool: Spool, stack: ExitStack) -> None:
        self._rule = history.rules.config.model_rule
        self._weight = sum(rule.weight for rule in update_rules(history))
        self._first = not history.server_state
        self._before = [
            stack.enter_context(_opened_model(history, objects, digest))
            for digest in (history.round.model, *history.server_state)
        ]
        self._after = [stack.enter_context(spool()) for _ in range(1 + len(self._rule.optimizer.vectors))]

    def write(self, update: Signed) -> None:
        """The parts that follow from the next part of the sum; raises a TrainingError."""
        weights, *vectors = (_integers(file, update.size) for file in self._before)
        at_first = self._rule.first_state(update.size) if self._first else ()
        model, made = self._rule.following(weights, (*vectors, *at_first), update, self._weight)
        for file, values in zip(self._after, (model, *made), strict=True):
            file.write(integers_to_bytes(values))

    def finish(self) -> list[bytes]:
        """Digests of the model, and of the vectors of the state."""
        return [file.finish() for file in self._after]


def _opened_model(history: HistoryState, objects: Objects, digest: bytes) -> BinaryIO:
    file, expected = objects.open(digest), 8 * history.rules.config.model.parameters
    if (size := size_of(file)) != expected:
        file.close()
        raise Refusal("model", history.rules.aggregator, f"{expected} bytes", f"{size} bytes")
    return file


def _integers(file: BinaryIO, count: int) -> Signed:
    values = integers_from_bytes(file.read(8 * count), count)
    assert values is not None
    return values


def check_aggregate(history: HistoryState, objects: Objects, added: bool = True) -> RoundResult:
    """Recomputes the recorded aggregate and compares; raises Refusal against the aggregator.

    added: adds the ciphertexts up; else their sum has to have the settled fingerprints.
    """
    said = history.round.aggregate
    assert said is not None
    if not added:
        require_sum(history, objects)
    result = compute_result(history, objects, summed=ciphertext_sums if added else announced_sums)
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
