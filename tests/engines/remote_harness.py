"""A consortium over `engines/remote` without a network.

Homes have kits of their own authority, a desk is served in this process, and sites run on threads. Between
them is a wire in which tests lose, delay, repeat and cut messages.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from proofward.encoding import decode
from proofward.engines.remote.agreement.home import Home
from proofward.engines.remote.agreement.terms import Seat, Terms
from proofward.engines.remote.carrying.caller import Carry, Unreachable
from proofward.engines.remote.carrying.messages import Request, Say, read_request
from proofward.engines.remote.hosting.desk import Desk
from proofward.engines.remote.hosting.host import Host
from proofward.engines.remote.site import Site
from proofward.engines.run_folder import Plan
from proofward.federation.history.state.slots import slot
from proofward.federation.messages.basics.values import integers_from_bytes
from proofward.federation.messages.consortium.usual import usual_abandonments
from proofward.federation.messages.envelope import Envelope
from proofward.federation.messages.records.catalogue import Consent, Lock, ShareSum
from proofward.federation.parties.auditor import Auditor
from proofward.ledger.keys import SigningKey
from tests.engines.remote_kits import certificates, copy_of_a_living_folder, write_kit
from tests.federation.fakes import FakeProofs, datasets, plan
from tests.patience import PATIENCE

SEED = b"remote"
SERVER, AUDITOR = "server", "auditor"


def agreement(**changes) -> Plan:
    """Three hospitals that are verifiers too, and one more verifier."""
    return plan(**{"hospitals": 3, "verifiers": 4, "rounds": 2, "threshold": 1, **changes})


def terms_of(agreed: Plan, deadline: int, sites: dict[str, str] | None = None, upload_slot: int = 0) -> Terms:
    """A hospital is a site, and has the verifier of its number; further verifiers are at `auditor`."""
    seats = [Seat(agreed.aggregator, "aggregator", SERVER)]
    seats += [Seat(name, "hospital", name) for name in agreed.hospitals]
    places = [*agreed.hospitals, *[AUDITOR] * len(agreed.verifiers)]
    seats += [Seat(name, "verifier", place) for name, place in zip(agreed.verifiers, places, strict=False)]
    moved = sites or {}
    seats = [Seat(seat.member, seat.role, moved.get(seat.member, seat.site)) for seat in seats]
    return Terms.of(
        agreed.config,
        federation=agreed.federation,
        seats=tuple(sorted(seats, key=lambda seat: seat.member)),
        accepting_verdicts=agreed.accepting_verdicts,
        minimum_updates=agreed.minimum_updates,
        abandonments=agreed.abandonments or usual_abandonments(len(agreed.hospitals)),
        rounds=agreed.rounds,
        counted=agreed.counting,
        anchored=agreed.chain,
        asked=agreed.attestation,
        drawn=agreed.committees,
        initial_model=b"",
        **vars(agreed.scaling),
        deadline=deadline,
        upload_slot=upload_slot,
    )


def set_up(
    root: Path,
    agreed: Plan,
    deadline: int = 3600,
    sites: dict[str, str] | None = None,
    upload_slot: int = 0,
) -> Terms:
    """Writes ROOT/SITE/home and ROOT/SITE/startup for every site, with keys and records."""
    terms = terms_of(agreed, deadline, sites, upload_slot)
    records = {} if terms.check().counts_only else datasets(agreed)
    for site in sorted({seat.site for seat in terms.seats}):
        server = site == SERVER
        write_kit(root / site / "startup", site, "server" if server else "client")
        home = Home.create(root / site / "home", site, terms, None, SEED)
        home.confirm(None)
        for seat in home.seats:
            home.make_key(seat.member, None)
            if seat.role == "hospital" and records:
                home.save_dataset(seat.member, *records[seat.member])
    return terms


def open_desk(root: Path, **options) -> Desk:
    """The desk on its folder."""
    return Desk(Home(root / SERVER / "home"), certificates(root / SERVER / "startup"), **options)


def open_site(root: Path, name: str, carry: Carry, stop: threading.Event, **options) -> Site:
    """A site on its folder."""
    home, kit = Home(root / name / "home"), certificates(root / name / "startup")
    return Site(home, kit, carry, stop, **{"proofs": FakeProofs(), **options})


class Lost(Unreachable):
    """The request did not arrive."""


class Wire:
    """Carries requests to `answer`.

    `trouble(site, request, number)`, called before each, may raise Lost or sleep; it returns how often the
    request arrives, and whether the answer gets back.
    """

    def __init__(self, answer: Callable[[bytes], bytes]) -> None:
        self.answer = answer
        self.trouble: Callable[[str, Request, int], tuple[int, bool]] = lambda site, request, number: (
            1,
            True,
        )
        self.requests: list[tuple[str, Request]] = []
        self.received: list[tuple[str, Request, bytes]] = []
        self.said: dict[bytes, str] = {}
        self._lock = threading.Lock()

    def carrier(self, site: str) -> Carry:
        """What a site sends by."""

        def carry(data: bytes) -> bytes:
            request = read_request(data)
            with self._lock:
                self.requests.append((site, request))
                number = len(self.requests)
                if isinstance(request, Say):
                    self.said[request.envelope] = site
            times, back = self.trouble(site, request, number)
            answers = [self.answer(data) for _ in range(times)]
            self.received += [(site, request, answer) for answer in answers]
            if not answers or not back:
                raise Lost
            return answers[-1]

        return carry

    def count(self, kind: type[Request], site: str = "") -> int:
        """Requests of a kind so far."""
        return sum(isinstance(request, kind) and site in ("", who) for who, request in list(self.requests))


class Consortium:
    """Desk and sites of one folder, all running. Use in a `with` statement."""

    desk: Desk

    def __init__(
        self,
        root: Path,
        agreed: Plan | None = None,
        deadline: int = 3600,
        sites: dict[str, str] | None = None,
        answer: Callable[[bytes], bytes] | None = None,
        upload_slot: int = 0,
    ) -> None:
        """answer: of a desk that is elsewhere. sites: of members that are not where `terms_of` has them."""
        self.root, self.notes = root, []
        self.terms = set_up(root, agreed or agreement(), deadline, sites, upload_slot)
        if answer is None:
            self.desk = open_desk(root, note=self.note)
        self.wire = Wire(answer or self.desk.answer)
        self.sites: dict[str, Site] = {}
        self.threads: dict[str, threading.Thread] = {}
        self.closing = threading.Event()
        self._server = threading.Thread(target=self._serve)

    def note(self, kind: str, **fields) -> None:
        """See Site."""
        self.notes.append((kind, fields))

    def noted(self, kind: str, **fields) -> bool:
        return any(kind == had and fields.items() <= with_.items() for had, with_ in list(self.notes))

    @property
    def names(self) -> list[str]:
        """All sites but the aggregator's."""
        return sorted({seat.site for seat in self.terms.seats} - {SERVER})

    @property
    def host(self) -> Host:
        assert self.desk.host is not None
        return self.desk.host

    @property
    def host_finished(self) -> bool:
        """Whether the last entry is there."""
        return self.desk.host is not None and self.desk.host.finished

    def _serve(self) -> None:
        while self.desk.host is None and not self.closing.is_set():
            time.sleep(0.01)
        if self.desk.host is not None:
            self.desk.host.run(self.closing.is_set)

    def __enter__(self) -> Consortium:
        self._server.start()
        return self

    def __exit__(self, *_) -> None:
        self.stop(*self.sites)
        self.closing.set()
        self._server.join(PATIENCE)
        if self.desk.host is not None:
            self.desk.host.aggregator.ledger.close()

    def start(self, *names: str, **options) -> None:
        """Starts sites, by default all."""
        for name in names or self.names:
            stop = threading.Event()
            site = open_site(self.root, name, self.wire.carrier(name), stop, note=self.note, **options)
            self.sites[name], self.threads[name] = site, threading.Thread(target=site.run)
            self.threads[name].start()

    def stop(self, *names: str) -> None:
        """Stops sites; what they keep is on disk."""
        for name in names:
            self.sites[name].stop.set()
        for name in names:
            self.threads[name].join(PATIENCE)
            assert not self.threads[name].is_alive(), f"{name} does not stop"

    def join(self, *names: str) -> None:
        """Waits until sites have seen the end."""
        for name in names or list(self.sites):
            self.threads[name].join(PATIENCE)
            assert not self.threads[name].is_alive(), (
                f"{name} goes on; the phase is {self.host.aggregator.history.phase}"
            )
            assert self.sites[name].failures == {}

    def until(self, reached: Callable[[], bool], seconds: float = PATIENCE) -> None:
        """Waits for something."""
        end = time.monotonic() + seconds
        while not reached():
            assert time.monotonic() < end, "it has not come to that"
            time.sleep(0.02)

    def phase(self, name: str, number: int = 1) -> bool:
        """Whether the ledger is in that phase of that round."""
        if self.desk.host is None:
            return False
        history = self.host.aggregator.history
        return history.phase == name and history.position()[0] == number

    @property
    def attempt(self) -> int:
        """Of the round that the ledger is in."""
        return self.host.aggregator.history.position()[1]

    def audit(self) -> list[str]:
        """What an audit of a copy of the ledger complains of."""
        copy = self.root / "audited"
        shutil.rmtree(copy, ignore_errors=True)
        self.host.aggregator.seal()
        copy_of_a_living_folder(self.root / SERVER / "home" / "ledger", copy)
        return [str(verdict) for verdict in Auditor(copy, FakeProofs()).run() if not verdict.passed]

    def weights(self):
        """The last model."""
        aggregator = self.host.aggregator
        data = aggregator.objects.get(aggregator.history.model)
        return integers_from_bytes(data, aggregator.rules.config.model.parameters)

    def key(self, member: str) -> SigningKey:
        """A member's own key."""
        seat = self.terms.find(member)
        return Home(self.root / seat.site / "home").key(member)


def topic(request: Request) -> str:
    """What a request says, "" when it says nothing."""
    return decode(request.envelope, Envelope).topic if isinstance(request, Say) else ""


def files_under(folder: Path) -> dict[str, int]:
    """Sizes of all files but SQLite's, by path."""
    found = (path for path in folder.rglob("*") if path.is_file() and ".db" not in path.name)
    return {str(path.relative_to(folder)): path.stat().st_size for path in sorted(found)}


def one_slot_one_envelope(envelopes: Iterable[bytes]) -> None:
    """No two different envelopes on one slot, no second consent, lock or share sum for a round."""
    seen: dict[tuple[str, ...], bytes] = {}
    for data in envelopes:
        envelope = decode(data, Envelope)
        keys = [slot(envelope)]
        if isinstance(envelope.record, Consent | Lock | ShareSum):
            keys.append((envelope.topic, str(envelope.round), envelope.sender))
        for key in keys:
            assert seen.setdefault(key, data) == data, f"two envelopes on {key}"
