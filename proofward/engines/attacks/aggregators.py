"""Aggregators that are dishonest.

Each records or shows something that does not follow, and shows it to all members.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from proofward.encoding import decode
from proofward.federation.history.state.history_state import CONFIRM
from proofward.federation.history.sums.aggregation import (
    RoundResult,
    compute_result,
    model_weights,
    server_state,
)
from proofward.federation.history.sums.opened_sums import update_rules
from proofward.federation.messages.basics.refusal import Refusal
from proofward.federation.messages.basics.values import (
    integers_from_bytes,
    integers_to_bytes,
    words_from_bytes,
    words_to_bytes,
)
from proofward.federation.messages.envelope import Envelope
from proofward.federation.messages.records.catalogue import (
    AcceptedSet,
    BeaconFixed,
    FederationEnded,
    Message,
    Upload,
)
from proofward.federation.parties.aggregator import Aggregator
from proofward.federation.storage.ledger_folder import LedgerFolder
from proofward.federation.storage.log_tree import LogTree
from proofward.lattice.decoding import aggregate
from proofward.lattice.parameters import ciphertext_length
from proofward.ledger.database import FILE_NAME

ATTACK_ROUND = 1


class Forger(Aggregator):
    """Records what its own rules would refuse; afterwards it has nothing more to say."""

    def __init__(self, *arguments: Any) -> None:
        self.forged: list[bytes] | None = None
        super().__init__(*arguments)

    def record(self, data: bytes) -> None:
        """Appends what does not follow, too."""
        try:
            super().record(data)
        except Refusal:
            if self.forged is None:
                self.ledger.append(data)
                self.forged = self.ledger.entries(0)

    def due(self, expired: bool) -> Message | None:
        """Nothing after the forgery."""
        return None if self.forged is not None else super().due(expired)

    def handle(self, message: bytes) -> list[bytes]:
        """Ignores members after the forgery."""
        return [] if self.forged is not None else super().handle(message)

    def tree(self) -> LogTree:
        """The forged log's."""
        return super().tree() if self.forged is None else LogTree.over(LogTree(), self.forged)

    def shown(self, first: int) -> list[bytes]:
        """The forged log's entries."""
        return super().shown(first) if self.forged is None else self.forged[first:]


class _ForgesSet(Forger):
    def due(self, expired: bool) -> Message | None:
        """Changes the accepted set."""
        record = super().due(expired)
        if isinstance(record, AcceptedSet) and self.history.round.number >= ATTACK_ROUND:
            return replace(record, hospitals=self.changed(record.hospitals))
        return record

    def changed(self, hospitals: tuple[str, ...]) -> tuple[str, ...]:
        """The set to announce."""
        raise NotImplementedError


class DropsUpdate(_ForgesSet):
    """Leaves an update with enough accepting verdicts out of the sum."""

    def changed(self, hospitals: tuple[str, ...]) -> tuple[str, ...]:
        """Without the first."""
        return hospitals[1:]


class AddsUpdate(_ForgesSet):
    """Puts somebody into the accepted set whose update nobody accepted."""

    def changed(self, hospitals: tuple[str, ...]) -> tuple[str, ...]:
        """With itself."""
        return tuple(sorted((*hospitals, self.name)))


class ChoosesFirstModel(Forger):
    """Announces another first model than the one that follows from the beacon."""

    def due(self, expired: bool) -> Message | None:
        """Changes the model's digest."""
        record = super().due(expired)
        return replace(record, model=bytes(32)) if isinstance(record, BeaconFixed) else record


class EndsEarly(Forger):
    """Seals an end in the name of all verifiers, none of whom has voted for it."""

    def due(self, expired: bool) -> Message | None:
        """Ends the federation in place of the first accepted set."""
        record = super().due(expired)
        return FederationEnded(self.rules.verifiers, 0, b"") if isinstance(record, AcceptedSet) else record


class _ForgesResult(Aggregator):
    def aggregate(self) -> Message:
        """Announces a changed result with everything else consistent."""
        result = compute_result(self.history, self.objects, self.ledger.new_object)
        if self.history.round.number >= ATTACK_ROUND:
            result = self.changed(result)
        return result.record(self.history)

    def changed(self, result: RoundResult) -> RoundResult:
        """The result to announce."""
        raise NotImplementedError


class AltersUpdate(_ForgesResult):
    """Adds a constant to one encrypted update, and computes the rest from the altered sum."""

    def changed(self, result: RoundResult) -> RoundResult:
        """Adds 2^18 to the first entry: one unit of the update."""
        length = self.rules.config.model.parameters
        words = words_from_bytes(self.objects.get(result.ciphertext_sum), ciphertext_length(length))
        sums = integers_from_bytes(self.objects.get(result.update_sum), length)
        assert words is not None and sums is not None
        unit = words * 0
        unit[0] = 1 << 18
        sums[0] += 1
        weight = sum(rule.weight for rule in update_rules(self.history))
        weights = model_weights(self.history, self.objects, self.history.round.model)
        before = server_state(self.history, self.objects)
        model, state = self.rules.config.model_rule.following(weights, before, sums, weight)
        return replace(
            result,
            ciphertext_sum=self.ledger.put_object(words_to_bytes(aggregate([words, unit]))),
            update_sum=self.ledger.put_object(integers_to_bytes(sums)),
            model=self.ledger.put_object(integers_to_bytes(model)),
            server_state=tuple(self.ledger.put_object(integers_to_bytes(vector)) for vector in state),
        )


class AnnouncesModel(_ForgesResult):
    """Announces another model than the one that follows."""

    def changed(self, result: RoundResult) -> RoundResult:
        """Changes one weight by the least amount."""
        weights = integers_from_bytes(self.objects.get(result.model), self.rules.config.model.parameters)
        assert weights is not None
        weights[0] += 1
        return replace(result, model=self.ledger.put_object(integers_to_bytes(weights)))


class DeletesSharesEarly(Aggregator):
    """Deletes sealed shares of keys before their holders have opened them."""

    def record(self, data: bytes) -> None:
        """Records an upload, and keeps none of its shares."""
        super().record(data)
        record = decode(data, Envelope).record
        if isinstance(record, Upload):
            for digest in record.sealed_shares:
                if digest:
                    self.ledger.drop_object(digest)


class _ForgesLog(Forger):
    """Shows another log once the first round's aggregate is recorded, and leaves it as the ledger on disk."""

    def due(self, expired: bool) -> Message | None:
        """Forges the log when the time has come."""
        if self.forged is None and self.history.phase == CONFIRM:
            self.forged = self.other_log(self.ledger.entries(0))
        return super().due(expired)

    def other_log(self, entries: list[bytes]) -> list[bytes]:
        """The log to show."""
        raise NotImplementedError

    def seal(self) -> None:
        """Seals the forged log in place of the real one."""
        if self.forged is not None:
            directory = self.ledger.directory
            self.ledger.close()
            for path in directory.glob(f"{FILE_NAME}*"):
                path.unlink()
            self.ledger = LedgerFolder(directory, self.signer)
            for entry in self.forged:
                self.ledger.append(entry)
        super().seal()


class RewritesLedger(_ForgesLog):
    """Removes a verdict from the past and signs the log again."""

    def other_log(self, entries: list[bytes]) -> list[bytes]:
        """Without the tenth entry."""
        return entries[:10] + entries[11:]


class TruncatesLedger(_ForgesLog):
    """Forgets the last ten entries and signs the log again."""

    def other_log(self, entries: list[bytes]) -> list[bytes]:
        """Without the last ten entries."""
        return entries[:-10]
