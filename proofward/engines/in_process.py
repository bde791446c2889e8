"""All parties in one process, with their states in one run folder.

The engine carries the parties' messages and has no say: it hands extensions of the ledger to members and
their packets to the aggregator, and calls a phase's time when nothing more happens. Killed at any moment, it
goes on from the folder when it is started again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from proofward.attestation.collect import Attester
from proofward.chain.key_files import sealer_for
from proofward.engines.members_at_once import usual_workers
from proofward.engines.run_folder import Plan, RunFolder
from proofward.federation.history.faults import Fault, faults
from proofward.federation.history.progress.waiting import waits_for
from proofward.federation.history.proving.proofs import Proofs, RelationProofs
from proofward.federation.history.state.history_state import CLOSED
from proofward.federation.history.sums.counted import CountedSum, counted_sums
from proofward.federation.messages.basics.refusal import FederationHalted, Refusal
from proofward.federation.messages.basics.values import integers_from_bytes
from proofward.federation.messages.events import Event, Observer, ignore
from proofward.federation.parties.aggregator import Aggregator
from proofward.federation.parties.equipment.counting import CountSource, no_counts
from proofward.federation.parties.equipment.surroundings import Surroundings
from proofward.federation.parties.following.extension import log_verifier
from proofward.federation.parties.following.follower import Follower
from proofward.federation.parties.hospital import NO_RECORDS, Hospital
from proofward.federation.parties.verifier import Verifier
from proofward.federation.storage.ledger_folder import LedgerFolder
from proofward.federation.storage.state_store import StateStore
from proofward.field.threads import sharing
from proofward.ledger.note import NoteSigner

Signed = NDArray[np.int64]
Dataset = tuple[Signed, Signed] | tuple[Signed, Signed, Signed | None]


class Network(Protocol):
    """What lies between the parties: may rewrite, drop or add messages."""

    def to_member(self, member: str, message: bytes) -> Sequence[bytes]:
        """What reaches a member instead of an extension of the ledger."""
        ...

    def to_aggregator(self, member: str, message: bytes) -> Sequence[bytes]:
        """What reaches the aggregator instead of a member's packet."""
        ...


class FaithfulNetwork:
    """Delivers everything."""

    def to_member(self, member: str, message: bytes) -> Sequence[bytes]:
        """See Network."""
        return (message,)

    def to_aggregator(self, member: str, message: bytes) -> Sequence[bytes]:
        """See Network."""
        return (message,)


@dataclass(frozen=True)
class Parties:
    """The classes of the parties, by name where they differ, as those of dishonest ones do."""

    hospitals: Mapping[str, type[Hospital]] = field(default_factory=dict)
    verifiers: Mapping[str, type[Verifier]] = field(default_factory=dict)
    aggregator: type[Aggregator] = Aggregator


@dataclass(frozen=True)
class RunResult:
    """How far a run got, and what went wrong in it.

    finished: all rounds are closed; stopped: why the aggregator cannot go on; halted: who refuses to go on
    waits_for: those without whose word an unfinished run does not go on
    weights: of the last model, flat int64 (parameters,), none if none was drawn; sums: of counting rounds
    refusals: everything refused by anybody, as (party, refusal); faults: what the ledger proves
    """

    finished: bool
    rounds: int
    weights: Signed
    stopped: Refusal | None
    halted: dict[str, Refusal]
    refusals: list[tuple[str, Refusal]]
    faults: list[Fault]
    waits_for: tuple[str, ...]
    sums: tuple[CountedSum, ...] = ()


class InProcessFederation:
    """A federation in one process."""

    def __init__(
        self,
        directory: Path,
        plan: Plan,
        datasets: Mapping[str, Dataset],
        *,
        seed: bytes | None = None,
        observe: Observer = ignore,
        network: Network | None = None,
        parties: Parties | None = None,
        proofs: Proofs | None = None,
        workers: int | None = None,
        data_sheets: Mapping[str, tuple[str, ...]] | None = None,
        counts: Mapping[str, CountSource] | None = None,
        publishing: Collection[str] = (),
        attesters: Mapping[str, Attester] | None = None,
    ) -> None:
        """Opens or creates the run folder.

        Args:
            directory: The run folder.
            plan: What the consortium agrees on.
            datasets: For each hospital features, labels and, where known, its patients, as in Hospital.
            seed: For tests and benchmarks only: all that is random follows from it, keys too.
            observe: Is called with each event, from the threads of the members.
            network: Carries the messages. By default all arrive.
            parties: Classes of members, for tests of dishonest ones.
            proofs: What makes and checks proofs.
            workers: How many members work at the same time, on threads, see `usual_workers`.
            data_sheets: What hospitals say of their records, in lines, by name.
            counts: What each hospital counts, by name. Where all rounds count, no datasets are needed.
            publishing: The hospitals that publish their own counts.
            attesters: What gives evidence of members' machines, by name.
        """
        kinds, proofs = parties or Parties(), proofs or RelationProofs()
        self.folder = RunFolder(directory, seed)
        self.rules = self.folder.rules(plan)
        self.network = network or FaithfulNetwork()
        self.refusals: list[tuple[str, Refusal]] = []
        self._refused: dict[str, list[tuple[str, Refusal]]] = {}
        self._observe = observe
        self._workers = workers
        self._rows = max((len(records[1]) for records in datasets.values()), default=1)
        self._proofs, self._counts, self._publishing = proofs, counts or {}, publishing
        self._sheets, self._attesters = data_sheets or {}, attesters or {}
        key = self.folder.key(plan.aggregator)
        ledger = LedgerFolder(self.folder.ledger, NoteSigner(log_verifier(self.rules).name, key))
        clock, attest = self.folder.clock(plan.aggregator), self._attesters.get(plan.aggregator)
        self.aggregator = kinds.aggregator(
            plan.aggregator, key, self.rules, ledger, plan.initial_model, self._event, clock, attest
        )
        self.hospitals: dict[str, Follower] = {}
        self.verifiers: dict[str, Follower] = {}
        for name in self.rules.hospitals:
            hospital = kinds.hospitals.get(name, Hospital)
            records = NO_RECORDS if self.rules.counts_only else datasets[name]
            self.hospitals[name] = hospital(name, self.folder.key(name), self._around(name, proofs), *records)
        for name in self.rules.verifiers:
            verifier = kinds.verifiers.get(name, Verifier)
            self.verifiers[name] = verifier(name, self.folder.key(name), self._around(name, proofs))

    def _around(self, name: str, proofs: Proofs) -> Surroundings:
        return Surroundings(
            rules=self.rules,
            state=StateStore(self.folder.party(name) / "state.sqlite"),
            objects=self.aggregator.ledger.objects,
            proofs=proofs,
            randomness=self.folder.randomness(name),
            clock=self.folder.clock(name),
            observe=self._event,
            data_sheet=self._sheets.get(name, ()),
            counts=self._counts.get(name, no_counts),
            publishes_counts=name in self._publishing,
            attest=self._attesters.get(name),
            sealer=sealer_for(self.rules, name, self.folder.party(name), self.folder.randomness(name)),
        )

    def add_hospital(
        self, name: str, features: Signed, labels: Signed, kind: type[Hospital] = Hospital
    ) -> Follower:
        """A hospital that the rules do not name, with a key in the run folder; verifiers have to admit it."""
        key = self.folder.key(name, added=True)
        self.hospitals[name] = made = kind(name, key, self._around(name, self._proofs), features, labels)
        return made

    def _event(self, event: Event) -> None:
        if event.refusal is not None and event.kind == "refused":
            self._refused.get(event.party, self.refusals).append((event.party, event.refusal))
        self._observe(event)

    @property
    def members(self) -> dict[str, Follower]:
        """Hospitals, then verifiers."""
        return {**self.hospitals, **self.verifiers}

    def run(self, until: Callable[[], bool] = lambda: False) -> RunResult:
        """Goes on until all rounds are closed or nobody can go on, then seals the ledger.

        Or until `until()`, which is asked between passes: all stays open then, call `run` again, or `close`.
        """
        stopped: Refusal | None = None
        try:
            while not self.aggregator.finished:
                if until():
                    return self._result(None)
                before = self._stand()
                self.aggregator.advance()
                self._pass()
                if self._stand() == before:
                    self.aggregator.advance(expired=True)
                if self._stand() == before:
                    break
        except FederationHalted as halt:
            stopped = halt.reason
        self._pass()
        for member in self.members.values():
            if not self.aggregator.finished or not (member.halted or member.history.phase == CLOSED):
                member.expire()
        result = self._result(stopped)
        self.aggregator.seal()
        self._close_states()
        return result

    def close(self) -> None:
        """Closes all files without sealing the ledger."""
        self.aggregator.ledger.close()
        self._close_states()

    def _close_states(self) -> None:
        for member in self.members.values():
            member.state.close()

    def _stand(self) -> tuple[int, list[bool]]:
        """What changes as long as something happens: who asks for something else now is not done."""
        return self.aggregator.history.size, [member.wants.light for member in self.members.values()]

    def _pass(self) -> None:
        for group in (self.hospitals, self.verifiers):
            messages = [self._messages(name, member) for name, member in group.items()]
            self._refused = {name: [] for name in group}
            for name, packets in zip(group, self._done(list(group.values()), messages), strict=True):
                self._take_refusals(name)
                self._carry(name, packets)

    def _done(self, members: list[Follower], messages: list[list[bytes]]) -> Iterator[list[bytes]]:
        """The packets of each member, in order, while those after it go on."""
        if self._workers is None:
            self._workers = usual_workers(self.rules.config, self._rows)
        if self._workers == 1:
            yield from map(self._work, members, messages)
            return
        pool = ThreadPoolExecutor(self._workers)
        try:
            yield from pool.map(self._work_beside_others, members, messages)
        finally:
            pool.shutdown(cancel_futures=True)

    def _take_refusals(self, name: str) -> None:
        """Those of a member come before what the aggregator says of its packets, whoever was faster."""
        self.refusals += self._refused.pop(name)

    def _messages(self, name: str, member: Follower) -> list[bytes]:
        if member.halted is not None:
            return []
        return list(self.network.to_member(name, self.aggregator.answer(name, member.wants)))

    @staticmethod
    def _work(member: Follower, messages: list[bytes]) -> list[bytes]:
        return [packet for message in messages for packet in member.handle(message)]

    def _work_beside_others(self, member: Follower, messages: list[bytes]) -> list[bytes]:
        with sharing():
            return self._work(member, messages)

    def _carry(self, name: str, packets: list[bytes]) -> None:
        for message in (sent for packet in packets for sent in self.network.to_aggregator(name, packet)):
            self.aggregator.handle(message)

    def _result(self, stopped: Refusal | None) -> RunResult:
        history = self.aggregator.history
        length = self.rules.config.model.parameters if history.model else 0
        weights = integers_from_bytes(self.aggregator.objects.get(history.model) if length else b"", length)
        assert weights is not None
        halted = {name: member.halted for name, member in self.members.items() if member.halted is not None}
        return RunResult(
            self.aggregator.finished,
            len(history.closed),
            weights,
            stopped,
            halted,
            list(self.refusals),
            faults(history),
            waits_for(history),
            counted_sums(history, self.aggregator.objects),
        )
