"""What the hostile site sends: noise, forgeries, replays, floods, requests for a second unmasking."""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from proofward.encoding import encode
from proofward.engines.remote.carrying.caller import Unreachable
from proofward.engines.remote.carrying.messages import (
    PIECE_BYTES,
    Declined,
    Extended,
    Fetch,
    Follow,
    Part,
    Say,
    read_answer,
    write,
)
from proofward.federation.history.history import History
from proofward.federation.messages.basics.refusal import Refusal
from proofward.federation.messages.consortium.rules import Rules
from proofward.federation.messages.envelope import Envelope, seal_envelope
from proofward.federation.messages.records.catalogue import (
    Abandonment,
    AcceptedSet,
    BeaconVouch,
    Confirmation,
    Consent,
    Lock,
    Message,
    ShareSum,
)
from proofward.federation.messages.wire import open_extension
from proofward.ledger.keys import SigningKey

FLOOD_SECONDS, FLOODERS, MOST_FLOODS = 8.0, 8, 2


class Attacker:
    """Speaks to the host as the site's members could."""

    def __init__(self, carry: Callable[[bytes], bytes], rules: Rules, name: str, key: SigningKey) -> None:
        self.carry, self.rules, self.name, self.key = carry, rules, name, key
        self.history = History(rules)
        self.entries: list[bytes] = []

    def ask(self, data: bytes) -> str:
        """What came back, in a word."""
        try:
            answer = read_answer(self.carry(data))
        except Unreachable:
            return "no answer"
        except Refusal as refusal:
            return f"no proper answer: {refusal.check}"
        return f"declined: {answer.check}" if isinstance(answer, Declined) else type(answer).__name__.lower()

    def follow(self) -> None:
        """Keeps up with the ledger."""
        answer = read_answer(self.carry(write(Follow(self.history.size, 0))))
        if isinstance(answer, Extended):
            extension = open_extension(answer.extension, self.rules)
            for entry in extension.entries[self.history.size - extension.first :]:
                self.history.apply(entry)
                self.entries.append(entry)

    def envelope(self, record: Message, sender: str, role: str) -> Envelope:
        """An envelope in anybody's name with this site's signature."""
        number, attempt = self.history.position()
        return seal_envelope(
            Envelope(self.rules.digest, sender, role, number, attempt, self.history.size, self.history.root,
                     self.history.clocks[-1], encode(record), b""),
            self.key,
        )  # fmt: skip

    def attacks(self) -> dict[str, Callable[[], str]]:
        """By name."""
        digest = hashlib.sha256(b"another").digest()

        def say(record: Message, sender: str, role: str) -> Callable[[], str]:
            return lambda: self.ask(write(Say(self.envelope(record, sender, role).data)))

        def replay() -> str:
            before = self.history.size
            words = {self.ask(write(Say(entry))) for entry in self.entries}
            self.follow()
            extra = [entry for entry in self.entries[before:] if entry in self.entries[:before]]
            return f"{', '.join(sorted(words))}; {len(extra)} recorded twice"

        def altered() -> str:
            envelope = self.envelope(BeaconVouch(()), self.name, "verifier")
            return self.ask(write(Say(replace(envelope, round=envelope.round + 7).data)))

        return {
            "noise": lambda: self.ask(os.urandom(4096)),
            "an empty message": lambda: self.ask(b""),
            "another hospital's share sum": say(ShareSum(digest, digest), "hospital-1", "hospital"),
            "another hospital's consent": say(Consent(digest, digest), "hospital-1", "hospital"),
            "another hospital's lock": say(Lock(digest), "hospital-1", "hospital"),
            "another hospital's abandonment": say(Abandonment(digest), "hospital-1", "hospital"),
            "another verifier's confirmation": say(Confirmation(digest, digest), "verifier-0", "verifier"),
            "the aggregator's accepted set": say(AcceptedSet(("hospital-0",)), "aggregator", "aggregator"),
            "a second set to unmask": say(Consent(digest, digest), self.name, "verifier"),
            "a lock of its own": say(Lock(digest), self.name, "verifier"),
            "an abandonment of its own": say(Abandonment(digest), self.name, "verifier"),
            "a vouch of its own": say(BeaconVouch(("hospital-0",)), self.name, "verifier"),
            "a false confirmation of its own": say(Confirmation(digest, digest), self.name, "verifier"),
            "a share sum of its own": say(ShareSum(digest, digest), self.name, "verifier"),
            "everything recorded, again": replay,
            "a changed envelope": altered,
            "an object that nobody named": lambda: self.ask(write(Part(digest, 0, bytes(PIECE_BYTES), True))),
            "an object that is not there": lambda: self.ask(write(Fetch(digest, 0))),
            "a message of 64 MB": lambda: self.ask(bytes(1 << 26)),
            "a flood": self.flood,
        }

    def flood(self) -> str:
        """Many requests at once, noise and pieces."""
        start, answered = time.perf_counter(), []
        kinds = (os.urandom(1 << 12), write(Follow(0, 0)), write(Follow(1 << 60, 5000)))

        def work(number: int) -> None:
            while time.perf_counter() - start < FLOOD_SECONDS:
                answered.append(self.ask(kinds[number % len(kinds)]))

        threads = [threading.Thread(target=work, args=(number,)) for number in range(FLOODERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found = ", ".join(sorted(set(answered)))
        return f"{len(answered)} answered in {time.perf_counter() - start:.0f} s: {found}"


def misbehave(site: Any) -> None:
    """In place of `Site.run`."""
    seat = site.home.seats[0]
    from proofward.engines.remote.carrying.caller import Caller

    rules = site.join(seat, Caller(site._carry, site.stop))
    attacker = Attacker(site._carry, rules, seat.member, site.home.key(seat.member))
    findings, floods = Path(os.environ["PROOFWARD_FINDINGS"]), 0
    while not site.stop.is_set() and not attacker.history.closed:
        phase = attacker.history.phase
        try:
            attacker.follow()
            if attacker.history.phase == phase:
                site.stop.wait(0.3)
                continue
            for name, attack in attacker.attacks().items():
                if name == "a flood":
                    if floods == MOST_FLOODS:
                        continue
                    floods += 1
                answer = attack()
                with findings.open("a") as file:
                    file.write(
                        json.dumps({"phase": attacker.history.phase, "attack": name, "answer": answer}) + "\n"
                    )
                attacker.follow()
        except Unreachable:
            site.stop.wait(0.5)
