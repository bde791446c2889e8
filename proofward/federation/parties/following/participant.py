"""What hospitals and verifiers do alike: dealing for the beacon, recomputing aggregates, noticing drops."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Collection, Iterator

from proofward.federation.history.progress.standstill import no_way_on
from proofward.federation.history.sharing.beacon_keys import OWN_SHARE, seal_to_holder
from proofward.federation.history.state.beacon_sharing import SEED_BYTES, Deal, deal
from proofward.federation.history.state.history_state import CONFIRM, DEAL
from proofward.federation.history.steps.beacon import deal_context, expected_dealers
from proofward.federation.history.steps.consent import confirmers
from proofward.federation.history.sums.aggregation import check_aggregate
from proofward.federation.history.sums.fingerprints import unsettled
from proofward.federation.messages.basics.refusal import Refusal
from proofward.federation.messages.consortium.rules import VERIFIER
from proofward.federation.messages.records.catalogue import BeaconDeal, Confirmation, Message, VerdictReceipt
from proofward.federation.messages.wire import Packet, parse
from proofward.federation.parties.equipment.sealing import owed_to_chain, unsealed_verdicts
from proofward.federation.parties.equipment.software import software_in_use
from proofward.federation.parties.equipment.surroundings import Surroundings
from proofward.federation.parties.following.attesting import Attests
from proofward.ledger.keys import SigningKey


class Participant(Attests):
    """A member that takes part in rounds."""

    def __init__(
        self, name: str, key: SigningKey, around: Surroundings, next_key: SigningKey | None = None
    ) -> None:
        super().__init__(name, key, around, next_key)
        self._sealer = around.sealer
        self._agreed = b""

    def duties(self) -> Iterator[bytes]:
        """See Follower."""
        phase = self.history.phase
        self._notice_end()
        yield from self.attest()
        yield from map(self.say, owed_to_chain(self.name, self._sealer, self.history))
        yield from self._seal_verdicts()
        if phase == DEAL:
            yield from self._deal()
        elif phase == CONFIRM:
            yield from self._confirm()

    def _seal_verdicts(self) -> Iterator[bytes]:
        for hospital in unsealed_verdicts(self.name, self._sealer, self.history):
            if (earlier := self.sent(VerdictReceipt, hospital)) is not None:
                yield earlier
            elif (made := self._sealed_verdict(hospital)) is not None:
                yield self.say(made)

    def _sealed_verdict(self, hospital: str) -> VerdictReceipt | None:
        """None where there is none now: nothing else waits for it."""
        assert self._sealer is not None
        try:
            return self._sealer.verdict(self.history, self.objects, self.name, hospital)
        except Refusal as refusal:
            self.report("refused", refusal.check, refusal=refusal)
            return None

    def _notice_end(self) -> None:
        """Reports, once, that no round can be finished any more, and for whose absence."""
        end = no_way_on(self.history) if self.state.fact("ended") is None else None
        if end is not None:
            with self.state.transaction():
                self.state.put("ended", str(end).encode())
            self.report("ended", end.check, detail=str(end), refusal=end)

    def _deal(self) -> Iterator[bytes]:
        state, rules = self.history.sharing, self.rules
        if self.name in state.deals or self.name not in expected_dealers(self.history):
            return
        if (earlier := self.sent(BeaconDeal)) is not None:
            yield earlier
            return
        made = self.make_deal()
        shares = {rules.hospitals[place]: share.to_bytes() for place, share in made.shares.items()}
        sealed = [
            seal_to_holder(self.history, self.name, holder, shares[holder])
            if holder in shares and holder != self.name
            else b""
            for holder in rules.hospitals
        ]
        digests = tuple(hashlib.sha256(data).digest() if data else b"" for data in sealed)
        secrets = {OWN_SHARE: shares[self.name]} if self.name in shares else {}
        attachments = tuple(data for data in sealed if data)
        software = software_in_use() if self.role == VERIFIER else ()
        said = BeaconDeal(made.commitments, made.check, digests, software)
        yield self.say(said, attachments, secrets=secrets)

    def make_deal(self) -> Deal:
        """This member's nonce for the enrolment beacon, shared among the enrolled hospitals."""
        rules = self.rules
        places = [rules.holder(name) for name in self.history.sharing.holders]
        context, seed = deal_context(rules, self.name), self.source("beacon-deal")(SEED_BYTES)
        return deal(context, seed, places, len(rules.hospitals), rules.collusion)

    def _confirm(self) -> Iterator[bytes]:
        state = self.history.round
        by_fingerprints = self.rules.scaling.fingerprints
        said = state.aggregate
        assert said is not None
        known = self.name in state.confirmations or said.digest == self._agreed
        if known or (by_fingerprints and unsettled(self.history)):
            return
        start = time.perf_counter()
        result = check_aggregate(self.history, self.objects, not by_fingerprints)
        self.report("confirmed", self.rules.aggregator, start)
        for holder in result.wrong_holders:
            refusal = Refusal("share-sum", holder, "a sum of the shares it was given", "another value")
            self.report("refused", holder, refusal=refusal)
        if self.name in confirmers(self.history):
            yield self.say(Confirmation(said.digest, said.record.model))
        else:
            self._agreed = said.digest

    def notice_dropped(self, kind: type[Message], recorded: Collection[str], *subject: str) -> None:
        """Reports, once, that a phase was closed without something that this member sent.

        The network may have lost it: the report is no proof, and the member goes on.
        """
        name = self.fact_name("/".join(("dropped", kind.kind, *subject)))
        packet = self.stored(kind, *subject)
        if self.name in recorded or packet is None or self.state.fact(name) is not None:
            return
        envelope = parse(Packet, packet).envelope
        if self.history.has_refused(envelope):
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
