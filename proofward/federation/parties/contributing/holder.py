"""A holder of key shares: checks those it is sent, complains of bad ones, adds up those of the accepted set.

A complaint opens the holder's share for everybody. On the verifiers' word alone, enough of them could have
all shares of an honest dealer opened by naming a false binding; so a holder verifies the dealer's proof
itself before it complains. It answers an accepted set with its share sum or with its abandonment, never both,
and a second set of one round only when the first is abandoned.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from typing import Any

from proofward.federation.history.proving.judging import Unable
from proofward.federation.history.round_jobs import round_job
from proofward.federation.history.sharing.beacon_keys import KEY_SEED, OWN_SHARE, open_from_dealer
from proofward.federation.history.sharing.complaints import judge_complaint, open_share
from proofward.federation.history.sharing.sealing_keys import complaint_of, kind_of_keys
from proofward.federation.history.state.beacon_sharing import share_is_good
from proofward.federation.history.state.history_state import (
    ABANDON,
    CONSENT,
    DEAL,
    ENROLMENT,
    KEYS,
    LOCK,
    REVEAL,
    SHARES,
    UNMASK,
    UPLOAD,
    VERIFY,
    VOUCH,
)
from proofward.federation.history.state.round_state import Finding, Recorded
from proofward.federation.history.steps.beacon import deal_context, vouched_for
from proofward.federation.history.steps.consent import lockers, ready_holders
from proofward.federation.history.sums.aggregation import sum_shares
from proofward.federation.messages.basics.refusal import Refusal, describe
from proofward.federation.messages.basics.values import words_to_bytes
from proofward.federation.messages.records.catalogue import (
    Abandonment,
    AcceptedSet,
    BeaconShares,
    BeaconVouch,
    Lock,
    PlacedComplaint,
    ShareComplaint,
    SharesChecked,
    ShareSum,
)
from proofward.federation.parties.following.participant import Participant
from proofward.layers.basics.errors import TrainingError
from proofward.proof.errors import ProofRejected

BEFORE_BEACON = (ENROLMENT, DEAL, VOUCH)
BEFORE_ANSWER = (KEYS, UPLOAD, VERIFY, SHARES, CONSENT, LOCK, UNMASK, ABANDON)
"""The phases of an attempt in which its holders have not answered the accepted set."""


class Holder(Participant):
    """What a hospital does with the shares of others' keys, and its own."""

    expiring = (SHARES, CONSENT, LOCK, UNMASK)

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._unjudged: set[bytes] = set()

    def kept_secrets(self) -> set[str]:
        """See Follower.

        The attempt's sealing seed and own share are kept until this holder has answered its accepted set;
        the key of the enrolment beacon and the own share of its nonce until the beacon's shares are said.
        """
        phase = self.history.phase
        kept = {name for name in (KEY_SEED, OWN_SHARE) if phase in BEFORE_BEACON}
        if phase == REVEAL and self.stored(BeaconShares) is None:
            kept |= {KEY_SEED, OWN_SHARE}
        withdrawn = self.stored(Abandonment) is not None
        answered = withdrawn or self.stored(ShareSum) is not None or self.too_late
        if phase in BEFORE_ANSWER and not answered and self.name not in self.history.left_out:
            kept |= {self.fact_name("sealing"), self.fact_name("own-share")}
        return super().kept_secrets() | kept

    @property
    def too_late(self) -> bool:
        """Whether a deadline has passed after which the attempt's secrets are gone."""
        return any(self.expired(phase) for phase in self.expiring)

    @property
    def holds(self) -> bool:
        """Whether this hospital holds shares in the round under way. Any other one only deals them."""
        return self.name in self.history.committee

    def share_from(self, dealer: str) -> bytes | None:
        """This hospital's good share from a dealer, or None."""
        if dealer == self.name:
            return self.state.secrets.get(self.fact_name("own-share"))
        seed = self.state.secrets.get(self.fact_name("sealing"))
        if seed is None:
            return None
        return open_share(self.history, self.objects, self.proofs, dealer, self.name, seed)

    def check_shares(self) -> Iterator[bytes]:
        """Complaints about bad shares, then word that all others are good.

        What keeps it from one dealer's share is raised when all others are through.
        """
        self._require_true_complaints_upheld()
        state = self.history.round
        seed = self.state.secrets.get(self.fact_name("sealing"))
        if self.name not in state.present or self.name in state.checked:
            return
        if not self.holds and self.remembers:
            yield self.say(SharesChecked(()))
        if seed is None:
            return
        waiting, failures = False, list[Refusal]()
        complaint = PlacedComplaint if self.rules.scaling.key_objects else ShareComplaint
        for dealer in state.passed:
            if dealer == self.name or (self.name, dealer) in state.complaints:
                continue
            try:
                if (earlier := self.sent(complaint, dealer)) is None and self._is_good(dealer):
                    continue
                waiting = True
                unjudged = state.uploads[dealer].digest in self._unjudged
                if earlier is None and not unjudged and self._bound_by_proof(dealer):
                    earlier = self.say(complaint_of(self.history, self.name, dealer, seed))
            except Refusal as refusal:
                failures.append(refusal)
                continue
            if earlier is not None:
                yield earlier
        if failures:
            raise failures[0]
        if not waiting:
            accused = {dealer for _, dealer in state.complaints.by(self.name)}
            yield self.say(SharesChecked(tuple(sorted(set(state.passed) - accused))))

    def _require_true_complaints_upheld(self) -> None:
        """Raises Refusal against verifiers that have dismissed a complaint of this holder which is true."""
        state, quorum = self.history.round, self.rules.accepting_verdicts
        for _, dealer in state.complaints.by(self.name):
            if state.complaint_outcome(self.name, dealer, quorum) is not False:
                continue
            if judge_complaint(self.history, self.objects, self.proofs, self.name, dealer)[0]:
                votes = sorted(state.complaint_verdicts.about(self.name, dealer).items())
                liars = [by for by, vote in votes if not vote.upheld]
                expected = f"the complaint of {self.name} about {dealer} upheld"
                raise Refusal("verdict", liars[0], expected, f"dismissed by {', '.join(liars)}")

    def _is_good(self, dealer: str) -> bool:
        start = time.perf_counter()
        good = self.share_from(dealer) is not None
        self.report("share checked", dealer, start, "good" if good else "bad")
        return good

    def _bound_by_proof(self, dealer: str) -> bool:
        """Whether the share binding that the verifiers named is the one of the dealer's proof.

        This is found by verifying the proof here; raises Refusal when the binding is another. Returns False
        when that cannot be told, and then it is not tried again before a restart.
        """
        state = self.history.round
        named = state.passed[dealer]
        found: Finding | ProofRejected | Unable
        try:
            ((_, found),) = self.proofs.verify_rounds([round_job(self.history, self.objects, dealer)])
        except TrainingError as error:
            found = ProofRejected("statement", str(error))
        if isinstance(found, Unable):
            self._unjudged.add(state.uploads[dealer].digest)
            self.report("unable", f"complaint/{dealer}", detail=describe(str(found), 400))
            return False
        if found != named:
            said = {
                voter: Finding(verdict.dataset_root, verdict.share_binding)
                for voter, verdict in sorted(state.verdicts.about(dealer).items())
                if verdict.accepted
            }
            liars = [voter for voter, finding in said.items() if finding == named]
            told = "a refused proof" if isinstance(found, ProofRejected) else "another share binding or root"
            raise Refusal("verdict", liars[0], f"what the proof of {dealer} says: {told}", ", ".join(liars))
        return True

    def vouch(self) -> Iterator[bytes]:
        """The dealers of whose nonces this hospital holds a good share."""
        state = self.history.sharing
        if self.name not in state.holders or self.name in state.vouches:
            return
        if (earlier := self.sent(BeaconVouch)) is not None:
            yield earlier
            return
        yield self.say(BeaconVouch(tuple(dealer for dealer in state.dealers if self.nonce_share(dealer))))

    def nonce_share(self, dealer: str) -> bytes | None:
        """This hospital's good share of a dealer's nonce, or None."""
        seed = self.state.secrets.get(KEY_SEED)
        if dealer == self.name:
            share = self.state.secrets.get(OWN_SHARE)
        else:
            share = seed and open_from_dealer(self.history, self.objects, dealer, self.name, seed)
        dealt, context = self.history.sharing.deals[dealer], deal_context(self.rules, dealer)
        place = self.rules.holder(self.name)
        good = share and share_is_good(context, dealt.commitments, dealt.check, place, share)
        return share if good else None

    def reveal(self) -> Iterator[bytes]:
        """This hospital's shares of the counted nonces, for everybody."""
        state, due = self.history.sharing, vouched_for(self.history, self.name)
        if not due or self.name in state.shares:
            return
        shares = tuple(
            (self.nonce_share(dealer) or b"") if dealer in due else b"" for dealer in state.counted
        )
        yield self.say(BeaconShares(shares))

    def lock(self) -> Iterator[bytes]:
        """Word that this hospital will not abandon the set, to which all its hospitals have consented."""
        state = self.history.round
        assert state.accepted is not None
        digest = state.accepted.digest
        ready = self.name in lockers(self.history) and self.name not in state.locks
        able = self.holds_shares if self.holds else self.remembers
        if ready and able and self.state.fact(f"abandoned/{digest.hex()}") is None:
            yield self.say(Lock(digest), facts={f"locked/{digest.hex()}": b""})

    @property
    def holds_shares(self) -> bool:
        """Whether this hospital still has the secrets with which it opens the shares of this attempt."""
        return self.state.secrets.get(self.fact_name("sealing")) is not None

    @property
    def remembers(self) -> bool:
        """Whether this state is that of the hospital that took part in this attempt: a lost one is not."""
        return self.stored(kind_of_keys(self.history)) is not None

    def unmask(self) -> Iterator[bytes]:
        """This holder's sum of shares over the accepted set, once; t + 1 + x holders have locked it."""
        state = self.history.round
        assert state.accepted is not None
        yield from self.lock()
        locked = self.state.fact(f"locked/{state.accepted.digest.hex()}") is not None
        if not locked or self.name in state.share_sums or self.name not in ready_holders(state):
            return
        if (earlier := self.sent(ShareSum)) is not None:
            yield earlier
        elif self.holds_shares:
            yield self.share_sum(state.accepted)

    def share_sum(self, accepted: Recorded[AcceptedSet]) -> bytes:
        """The packet with the sum of shares over an accepted set.

        Raises Refusal for a second set of one round, unless the first was abandoned.
        """
        name = f"unmasked/{self.history.round.number}"
        self.require_only_set(name, accepted)
        shares = [self.share_from(dealer) for dealer in accepted.record.hospitals]
        good = [self.proofs.share_values(share) for share in shares if share is not None]
        if len(good) != len(shares):
            raise Refusal(
                "holders",
                self.rules.aggregator,
                "a set whose shares this holder has",
                describe(accepted.record.hospitals),
            )
        values = words_to_bytes(sum_shares(good))
        return self.say(
            ShareSum(accepted.digest, hashlib.sha256(values).digest()), (values,), {name: accepted.digest}
        )

    def require_only_set(self, name: str, accepted: Recorded[AcceptedSet]) -> None:
        """Raises Refusal if the fact names another accepted set that was not abandoned."""
        earlier = self.state.fact(name)
        if earlier is not None and earlier != accepted.digest and earlier not in self.history.abandoned:
            raise Refusal("second-unmasking", self.rules.aggregator, earlier.hex(), accepted.digest.hex())

    def abandon(self) -> Iterator[bytes]:
        """Word that this hospital gives up the withdrawn set, unless it has locked it."""
        state = self.history.round
        assert state.accepted is not None
        digest = state.accepted.digest
        if self.name not in state.present or self.name in state.abandonments or not self.remembers:
            return
        if self.state.fact(f"locked/{digest.hex()}") is None:
            yield self.say(Abandonment(digest), facts={f"abandoned/{digest.hex()}": b""})
