"""A consortium in the middle of a round that waits for one message, and what its members could say now."""

from __future__ import annotations

from dataclasses import replace

from proofward.encoding import encode
from proofward.engines.remote.carrying import messages
from proofward.engines.remote.carrying.messages import Declined
from proofward.federation.messages.envelope import Envelope, seal_envelope
from tests.engines.remote_harness import SERVER, Consortium, Lost, agreement, open_desk, topic
from tests.patience import PATIENCE

LATE = "hospital-2"


class Waiting(Consortium):
    """One that waits for one message of hospital-2, with no site running."""

    def __init__(self, root, phase: str, withheld: str) -> None:
        super().__init__(root, agreement(rounds=1), deadline=3600)
        self._phase, self._withheld = phase, withheld
        self.kept: list[bytes] = []

    def __enter__(self):
        super().__enter__()

        def trouble(site, request, number):
            if site == LATE and topic(request) == self._withheld:
                self.kept.append(request.envelope)
                raise Lost
            return 1, True

        self.wire.trouble = trouble
        self.start()
        self.until(lambda: self.kept and self.phase(self._phase) and self.complete())
        self.stop(*self.names)
        return self

    def complete(self) -> bool:
        """Whether everybody else has spoken."""
        state = self.host.aggregator.history.round
        found = {"upload": state.uploads, "share-sum": state.share_sums}[self._withheld]
        verdicts = len(state.verdicts) == 8 or self._withheld != "upload"
        return len(found) == 2 and verdicts

    @property
    def history(self):
        return self.host.aggregator.history

    def ask(self, request: messages.Request) -> messages.Answer:
        return messages.read_answer(self.desk.answer(encode(request)))

    def declined(self, request: messages.Request) -> str:
        answer = self.ask(request)
        assert isinstance(answer, Declined), answer
        return answer.check

    def spoken(self, sender: str, record, key: str = "", **changes) -> bytes:
        """What a member could say now, signed by itself or by another."""
        rules, history = self.host.aggregator.rules, self.history
        state = (*history.position(), history.size, history.root, history.clocks[-1])
        envelope = Envelope(rules.digest, sender, rules.find(sender).role, *state, encode(record), b"")
        return seal_envelope(replace(envelope, **changes), self.key(key or sender)).data

    def incoming(self) -> list[str]:
        return sorted(path.name for path in (self.root / SERVER / "home" / "incoming").iterdir())

    def reopen(self) -> None:
        """The desk again, as after a crash."""
        self.closing.set()
        self._server.join(PATIENCE)
        self.host.aggregator.ledger.close()
        self.desk = open_desk(self.root)
