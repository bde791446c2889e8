"""A site's members at work: each joins, then follows the ledger on a thread of its own until the end."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from itertools import chain, repeat
from threading import Event, Lock, Thread

from proofward.chain.key_files import sealer_for
from proofward.engines.remote.agreement import prepared_evidence
from proofward.engines.remote.agreement.certificates import Certificates
from proofward.engines.remote.agreement.data_sheets import kept
from proofward.engines.remote.agreement.following import kept as following_of
from proofward.engines.remote.agreement.home import Home
from proofward.engines.remote.agreement.joining import assemble, make_request, require_own
from proofward.engines.remote.agreement.own_counts import has_counts, publishes_counts, stored_counts
from proofward.engines.remote.agreement.terms import Seat
from proofward.engines.remote.carrying.caller import Caller, Carry, Stopped
from proofward.engines.remote.carrying.messages import Assembled, Declined, Join
from proofward.engines.remote.carrying.objects import RemoteObjects
from proofward.engines.remote.heads_watch import HeadsWatch
from proofward.engines.remote.link import Link
from proofward.engines.remote.memory_sticks.courier import Courier
from proofward.engines.remote.own_deadline import OwnDeadline
from proofward.engines.remote.upload_slots import UploadSlots
from proofward.engines.remote.wishes import Wishes
from proofward.federation.history.proving.proofs import Proofs, RelationProofs
from proofward.federation.messages.basics.refusal import TRANSPORT, Refusal, describe
from proofward.federation.messages.consortium.rules import HOSPITAL, Rules, RulesError
from proofward.federation.messages.events import Observer, ignore
from proofward.federation.parties.equipment.counting import CountSource
from proofward.federation.parties.equipment.surroundings import Surroundings
from proofward.federation.parties.following.follower import Follower
from proofward.federation.parties.hospital import NO_RECORDS, Hospital
from proofward.federation.parties.light_hospital import LightHospital
from proofward.federation.parties.verifier import Verifier
from proofward.federation.storage.object_sizes import MAX_PROOF_BYTES
from proofward.federation.storage.objects import ObjectSource
from proofward.federation.storage.state_store import StateStore
from proofward.lattice.parameters import ciphertext_length
from proofward.ledger.errors import LedgerError
from proofward.ledger.objects import ObjectStore
from proofward.statistics.source import kept_source, of_statistics

Note = Callable[..., None]
JOIN_PAUSES, DATA_PAUSE = (0.5, 1.0, 2.0, 5.0, 15.0), 5.0
RETRIES = (1.0, 5.0, 15.0, 60.0)
PASSING = (OSError, sqlite3.Error, MemoryError, LedgerError)
"""A full disk, no memory: it may be better in a while."""


def needs_data(rules: Rules, seat: Seat) -> bool:
    """Whether a member waits for its operator's table: to enrol its records, or to count its columns."""
    counts = any(map(of_statistics, rules.counting))
    return needs_records(rules, seat) or (seat.role == HOSPITAL and counts)


def needs_records(rules: Rules, seat: Seat) -> bool:
    """Whether a member has to have records before it can take part: a hospital, unless all rounds count."""
    return seat.role == HOSPITAL and not rules.counts_only


class Site:
    """All members of one site.

    carry: see `caller.Caller`. counts: the source of each hospital's, by name; without it hospitals count the
    tables that their folders keep for statistics.
    """

    def __init__(
        self,
        home: Home,
        kit: Certificates,
        carry: Carry,
        stop: Event,
        passphrase: bytes | None = None,
        observe: Observer = ignore,
        note: Note = lambda kind, **fields: None,
        proofs: Proofs | None = None,
        counts: Callable[[str], CountSource] | None = None,
    ) -> None:
        self.home = home
        self.kit = kit
        self.stop = stop
        self.failures: dict[str, BaseException] = {}
        self._passphrase = passphrase
        self._observe = observe
        self._note = note
        self._proofs = proofs or RelationProofs()
        self._carry, self._counting = carry, counts is not None
        self._counts = counts or self._source
        self._pinning = Lock()

    def run(self) -> None:
        """Until every member has seen the end or is stopped; failures are in `failures`, by member."""
        threads = [Thread(target=self._guarded, args=(seat,), name=seat.member) for seat in self.home.seats]
        courier = Courier(self.home, self._carry, self._note)
        courier.start()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        courier.finish(self.stop)

    def _guarded(self, seat: Seat) -> None:
        for pause in chain(RETRIES, repeat(RETRIES[-1])):
            try:
                with self.home.lock(seat.member):
                    self._work(seat, Caller(self._carry, self.stop, self._note))
                return
            except Stopped:
                return
            except PASSING as error:  # what is stored is whole: it goes on where it was
                self._failed(seat, error)
                if self.stop.wait(pause):
                    return
            except BaseException as error:  # a thread's failure is its member's
                self._failed(seat, error)
                self.failures[seat.member] = error
                return

    def _failed(self, seat: Seat, error: BaseException) -> None:
        check = error.check if isinstance(error, Refusal) else type(error).__name__
        self._note("failed", level="error", party=seat.member, check=check)

    def _has_data(self, rules: Rules, seat: Seat) -> bool:
        """What a hospital enrols or counts, unless there is another source of its counts."""
        if needs_data(rules, seat):
            return self.home.has_dataset(seat.member)
        return self._counting or not rules.counts_only or has_counts(self.home, seat.member, rules.counting)

    def _source(self, member: str) -> CountSource:
        """What the hospital keeps: counts of an outside model, and the values of its table for statistics."""
        kept, stored = kept_source(self.home.member(member)), stored_counts(self.home, member)
        return lambda task: kept(task) if of_statistics(task.counting) else stored(task)

    def _work(self, seat: Seat, caller: Caller) -> None:
        rules = self.join(seat, caller)
        while not self.home.confirmed(rules):
            self._note("waiting", party=seat.member, check="confirm")
            caller.pause(DATA_PAUSE)
        while seat.role == HOSPITAL and not self._has_data(rules, seat):
            self._note("waiting", party=seat.member, check="records")
            caller.pause(DATA_PAUSE)
        most = max(MAX_PROOF_BYTES, 8 * ciphertext_length(rules.most_entries))
        objects = RemoteObjects(self.home.member(seat.member) / "objects", caller.ask, most)
        folder = self.home.member(seat.member)
        done = False
        while not done:  # again with other keys, when the operator has made one
            keys = self.home.key_files(seat.member)
            member = self.open(seat, rules, objects, ObjectStore(folder / "outgoing"))
            caller.require_time = self._clock_of(member)
            link = Link(
                member,
                caller,
                objects,
                self._note,
                Wishes(member, folder, self._note).take,
                lambda keys=keys: self.home.key_files(seat.member) != keys,  # type: ignore[misc]
                UploadSlots(self.home.terms.upload_slot),
            )
            try:
                link.run()
                done = link.done
            finally:
                member.state.close()

    def _clock_of(self, member: Follower) -> Callable[[], None]:
        """What looks at the time before every question; the function raises Overdue."""
        folder, deadline = self.home.member(member.name), self.home.terms.deadline
        own = OwnDeadline(member, deadline, folder)
        if not isinstance(member, LightHospital):
            return own.require
        witnesses = following_of(folder).witnesses
        watch = HeadsWatch(member, deadline, witnesses, self._note)

        def look() -> None:
            watch.look()
            own.require()

        return look

    def join(self, seat: Seat, caller: Caller) -> Rules:
        """The rules, once everybody has joined: computed here from everybody's requests."""
        rules = self.home.rules
        if rules is not None:
            return rules
        terms = self.home.terms
        key = self.home.key(seat.member, self._passphrase)
        own, added = self.kit, self.home.added
        request = make_request(terms, seat.member, key, own.certificate, own.private_key, added=added)
        pauses = chain(JOIN_PAUSES, repeat(JOIN_PAUSES[-1]))
        while True:
            try:
                answer = caller.ask(Join(request))
                if isinstance(answer, Declined):
                    raise answer.refusal
                if isinstance(answer, Assembled):
                    rules = self._assembled(answer, seat.member, key.public.raw)
                    with self._pinning:
                        self.home.pin(rules)
                    return rules
                caller.pause(JOIN_PAUSES[0])
            except Refusal as refusal:  # an answer that makes no sense: another may
                self._note("declined", party=seat.member, check=refusal.check, culprit=refusal.culprit)
                caller.pause(next(pauses))

    def _assembled(self, answer: Assembled, member: str, key: bytes) -> Rules:
        """The rules, which have the member's own key; raises Refusal."""
        try:
            rules = assemble(answer.requests, self.home.terms, self.kit.authority)
        except RulesError as error:
            raise Refusal("join", TRANSPORT, "everybody's request", describe(str(error))) from error
        require_own(rules, member, key, added=self.home.added)
        return rules

    def open(
        self,
        seat: Seat,
        rules: Rules,
        objects: ObjectSource,
        outbox: ObjectStore | None = None,
        everything: bool = False,
    ) -> Follower:
        """A member's state machine on its stored state. outbox: see Surroundings.

        everything: whatever the hospital has chosen, it is given all entries.
        """
        folder, randomness = self.home.member(seat.member), self.home.randomness(seat.member)
        around = Surroundings(
            rules=rules,
            state=StateStore(folder / "state.sqlite"),
            objects=objects,
            proofs=self._proofs,
            randomness=randomness,
            clock=self.home.clock,
            observe=self._observe,
            outbox=outbox,
            data_sheet=kept(folder),
            counts=self._counts(seat.member),
            publishes_counts=publishes_counts(self.home, seat.member),
            attest=prepared_evidence.attester(self.home, seat.member),
            sealer=sealer_for(rules, seat.member, folder, randomness, self._passphrase),
        )
        key = self.home.key(seat.member, self._passphrase)
        following = self.home.next_key(seat.member, self._passphrase)
        member: Follower
        if seat.role == HOSPITAL:
            home, name = self.home, seat.member
            enrols = needs_records(rules, seat)
            records = (*home.dataset(name), home.patients(name)) if enrols else (*NO_RECORDS, None)
            light = following_of(folder).heads and rules.scaling.heads and not everything
            member = (LightHospital if light else Hospital)(name, key, around, *records, next_key=following)
        else:
            member = Verifier(seat.member, key, around, next_key=following)
        return member
