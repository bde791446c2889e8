"""Where members' requests arrive: those to join first, the ledger's host once everybody has joined.

Requests to join are kept on disk before they are acknowledged. The rules follow from the terms and all
requests, so the server cannot choose them.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path
from threading import Lock

from proofward.encoding import MalformedMessage, decode
from proofward.engines.remote.agreement import prepared_evidence
from proofward.engines.remote.agreement.certificates import Certificates
from proofward.engines.remote.agreement.home import MODEL, Home
from proofward.engines.remote.agreement.joining import JoinRequest, assemble, make_request, open_request
from proofward.engines.remote.carrying.incoming import Incoming
from proofward.engines.remote.carrying.messages import (
    Answer,
    Assembled,
    Declined,
    Join,
    NotYet,
    read_request,
    write,
)
from proofward.engines.remote.hosting.host import Host
from proofward.federation.history.progress.waiting import listed
from proofward.federation.messages.basics.refusal import Refusal, require
from proofward.federation.messages.events import Observer, ignore
from proofward.federation.parties.aggregator import Aggregator
from proofward.federation.parties.following.extension import log_verifier
from proofward.federation.storage.ledger_folder import LedgerFolder
from proofward.ledger.files import make_directory, write_file
from proofward.ledger.note import NoteSigner

Note = Callable[..., None]


class Desk:
    """Serves a consortium from its home folder; `host` is None until everybody has joined."""

    def __init__(
        self,
        home: Home,
        kit: Certificates,
        passphrase: bytes | None = None,
        observe: Observer = ignore,
        note: Note = lambda kind, **fields: None,
    ) -> None:
        self.home = home
        self.terms = home.terms
        self.host: Host | None = None
        self._authority = kit.authority
        self._passphrase = passphrase
        self._observe = observe
        self._note = note
        self._lock = Lock()
        self._introduced: set[str] = set()
        self._joins = home.root / "joins"
        make_directory(self._joins)
        self._join_itself(kit)
        if self.lacking == ():
            self._begin()

    def _join_itself(self, kit: Certificates) -> None:
        name = self.terms.aggregator.member
        if not self._request(name).exists():
            key = self.home.key(name, self._passphrase)
            data = make_request(self.terms, name, key, kit.certificate, kit.private_key)
            write_file(self._request(name), data, self._request(name).with_suffix(".tmp"))

    @property
    def lacking(self) -> tuple[str, ...]:
        """Members that have not joined yet."""
        return tuple(seat.member for seat in self.terms.seats if not self._request(seat.member).exists())

    def _request(self, member: str) -> Path:
        return self._joins / f"{member}.join"

    def answer(self, data: bytes) -> bytes:
        """The answer to a request's bytes; never raises for what comes in."""
        try:
            return write(self._answer(data))
        except Refusal as refusal:
            self._note("declined", check=refusal.check, culprit=refusal.culprit)
            return write(Declined.of(refusal))

    def _answer(self, data: bytes) -> Answer:
        request = read_request(data)
        if isinstance(request, Join):
            return self.join(request.request)
        if self.host is None:
            return NotYet(f"waiting for {listed(self.lacking)} to join")
        return self.host.answer(request)

    def join(self, data: bytes) -> Answer:
        """Keeps a request to join; all of them, once they are complete. Raises Refusal."""
        with self._lock:
            if self._is_added(data):
                return self._introduce(data)
            request = open_request(data, self.terms, self._authority, datetime.datetime.now(datetime.UTC))
            path = self._request(request.member)
            for other in self._others(request.member):
                require(other.key != request.key, "join", request.member, "a key of its own", other.member)
            if path.exists():
                known = open_request(path.read_bytes(), self.terms, self._authority)
                require(known.key == request.key, "join", request.member, known.key, request.key)
            else:
                write_file(path, data, path.with_suffix(".tmp"))
                self._note("joined", party=request.member)
            if lacking := self.lacking:
                return NotYet(f"waiting for {listed(lacking)} to join")
            if self.host is None:
                self._begin()
            return Assembled(self.requests())

    def _is_added(self, data: bytes) -> bool:
        """Whether a request comes from nobody whom the terms name."""
        try:
            return self.terms.find(decode(data, JoinRequest).member) is None
        except MalformedMessage:
            return False

    def _introduce(self, data: bytes) -> Answer:
        """The rules for a hospital with a certificate of the authority, which verifiers may admit."""
        now = datetime.datetime.now(datetime.UTC)
        request = open_request(data, self.terms, self._authority, now, added=True)
        if self.host is None:
            return NotYet(f"waiting for {listed(self.lacking)} to join")
        if request.member not in self._introduced:
            self._introduced.add(request.member)
            self._note("introduced", party=request.member)
        return Assembled(self.requests())

    def _others(self, member: str) -> list[JoinRequest]:
        paths = [self._request(seat.member) for seat in self.terms.seats if seat.member != member]
        return [decode(path.read_bytes(), JoinRequest) for path in paths if path.exists()]

    def requests(self) -> tuple[bytes, ...]:
        """Everybody's request to join."""
        return tuple(self._request(seat.member).read_bytes() for seat in self.terms.seats)

    def _begin(self) -> None:
        rules = assemble(self.requests(), self.terms, self._authority)
        self.home.pin(rules)
        name = rules.aggregator
        key = self.home.key(name, self._passphrase)
        ledger = LedgerFolder(self.home.root / "ledger", NoteSigner(log_verifier(rules).name, key))
        model, clock = self.home.root / MODEL, self.home.clock
        attest = prepared_evidence.attester(self.home, name)
        aggregator = Aggregator(name, key, rules, ledger, model, self._observe, clock, attest)
        incoming = Incoming(self.home.root / "incoming", ledger, rules)
        memory = self.home.root / "served"
        self.host = Host(aggregator, incoming, self.terms.deadline, self._note, memory=memory)
