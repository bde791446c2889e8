"""What hospitals and verifiers do alike: nonces for the beacon, recomputing the aggregate, noticing dropped
messages.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator

from proofward.federation.history.aggregation import check_aggregate
from proofward.federation.history.history_state import COMMIT, CONFIRM, REVEAL
from proofward.federation.messages.beacon import NONCE_BYTES, nonce_commitment
from proofward.federation.messages.catalogue import Confirmation, Message, NonceCommitment, NonceReveal
from proofward.federation.messages.refusal import Refusal
from proofward.federation.messages.wire import Packet, parse
from proofward.federation.parties.follower import Follower


class Participant(Follower):
    """A member that takes part in rounds."""

    def duties(self) -> Iterator[bytes]:
        """See Follower."""
        phase = self.history.phase
        if phase == COMMIT:
            yield from self._commit()
        elif phase == REVEAL:
            yield from self._reveal()
        elif phase == CONFIRM:
            yield from self._confirm()

    def _commit(self) -> Iterator[bytes]:
        state = self.history.round
        if self.name not in state.participants or self.name in state.commitments:
            return
        if (earlier := self.sent(NonceCommitment)) is not None:
            yield earlier
            return
        nonce = self.source("nonce")(NONCE_BYTES)
        keys, secret = self.sealing_keys()
        commitment = nonce_commitment(self.rules.digest, state.number, state.attempt, self.name, nonce)
        secrets = {self.fact_name("nonce"): nonce}
        if secret:
            secrets[self.fact_name("sealing")] = secret
        yield self.say(NonceCommitment(commitment, keys), secrets=secrets)

    def kept_secrets(self) -> set[str]:
        """See Follower: the nonce, until it is revealed."""
        return {self.fact_name("nonce")} if self.history.phase in (COMMIT, REVEAL) else set()

    def sealing_keys(self) -> tuple[tuple[bytes, ...], bytes]:
        """Public sealing keys of this attempt and the secret seed behind them; verifiers have none."""
        return (), b""

    def _reveal(self) -> Iterator[bytes]:
        state = self.history.round
        nonce = self.state.secrets.get(self.fact_name("nonce"))
        if self.name in state.committed and self.name not in state.nonces and nonce is not None:
            yield self.say(NonceReveal(nonce))

    def _confirm(self) -> Iterator[bytes]:
        state = self.history.round
        if self.name in state.confirmations:
            return
        start = time.perf_counter()
        result = check_aggregate(self.history, self.objects)
        said = state.aggregate
        assert said is not None
        self.report("confirmed", self.rules.aggregator, start)
        for holder in result.wrong_holders:
            refusal = Refusal("share-sum", holder, "a sum of the shares it was given", "another value")
            self.report("refused", holder, refusal=refusal)
        yield self.say(Confirmation(said.digest, said.record.model))

    def notice_dropped(self, kind: type[Message], recorded: Collection[str], *subject: str) -> None:
        """Reports, once, that something this member sent is not among what the aggregator closed a phase
        with.

        The network may have lost it: the report is no proof, and the member goes on.
        """
        name = self.fact_name("/".join(("dropped", kind.kind, *subject)))
        packet = self.stored(kind, *subject)
        if self.name in recorded or packet is None or self.state.fact(name) is not None:
            return
        envelope = parse(Packet, packet).envelope
        if any(refusal.evidence == envelope for refusal in self.history.refusals):
            return
        with self.state.transaction():
            self.state.put(name, b"")
        refusal = Refusal(
            "message-dropped",
            self.rules.aggregator,
            f"the {kind.kind} of {self.name}",
            "a phase closed without it",
        )
        self.report("refused", kind.kind, refusal=refusal)
