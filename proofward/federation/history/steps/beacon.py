"""The enrolment beacon: deals, vouches, shares. It comes once, between enrolment and the first round.

All hospitals that are enrolled by then and all verifiers deal; the hospitals hold. A dealer counts if all
holders but one have vouched for its deal. What a holder shows later was fixed by the deal, so a message that
is withheld or not recorded after the vouches are closed changes no nonce: t + 1 holders open each.
"""

from __future__ import annotations

from collections.abc import Iterable

from proofward.federation.history.state.beacon_sharing import is_check, share_is_good
from proofward.federation.history.state.history_state import BETWEEN, DEAL, REVEAL, VOUCH, HistoryState, Step
from proofward.federation.messages.basics.refusal import require
from proofward.federation.messages.beacon import (
    enrolment_beacon,
    first_model_digest,
    hash_parts,
    round_beacon,
)
from proofward.federation.messages.consortium.rules import AGGREGATOR, HOSPITAL, VERIFIER, Rules
from proofward.federation.messages.envelope import Envelope
from proofward.federation.messages.records.catalogue import (
    BeaconDeal,
    BeaconFixed,
    BeaconShares,
    BeaconVouch,
    DealsClosed,
    VouchesClosed,
)

DIGEST_BYTES = 32
_CONTEXT = b"proofward/beacon-context/v2"


def deal_context(rules: Rules, dealer: str) -> bytes:
    """What a deal's hashes are bound to: consortium and dealer, 32 bytes."""
    return hash_parts(_CONTEXT, rules.digest, dealer.encode())


def expected_dealers(history: HistoryState) -> tuple[str, ...]:
    """Who may deal: the holders and the verifiers, none of them revoked; with committees only verifiers.

    Every dealer deals to every holder. So many hospitals as need committees would make that n^2 shares.
    """
    holders = () if history.rules.draws_holders else history.sharing.holders
    return history.active({*holders, *history.rules.verifiers})


def required_dealers(history: HistoryState, dealers: Iterable[str]) -> tuple[list[str], int, str]:
    """Those dealers of whom there have to be enough for one honest nonce, how many, and what they are.

    They are hospitals, of whom t may collude; with committees verifiers, of whom all but k may.
    """
    rules = history.rules
    if rules.draws_holders:
        least = len(rules.verifiers) - rules.accepting_verdicts + 1
        return [name for name in dealers if name in rules.verifiers], least, f"at least {least} verifiers"
    least = rules.collusion + 1
    return [name for name in dealers if name in rules.hospitals], least, f"at least {least} hospitals"


def _check_deal(history: HistoryState, sender: str, record: BeaconDeal) -> None:
    rules, holders = history.rules, history.sharing.holders
    dealers = expected_dealers(history)
    require(sender in dealers, "participant", sender, dealers, sender)
    lengths = [len(digest) for digest in record.commitments]
    expected = [DIGEST_BYTES if name in holders else 0 for name in rules.hospitals]
    require(lengths == expected, "beacon-deal", sender, f"commitments of lengths {expected}", lengths)
    lengths = [len(digest) for digest in record.sealed_shares]
    expected = [DIGEST_BYTES if name in holders and name != sender else 0 for name in rules.hospitals]
    require(lengths == expected, "beacon-deal", sender, f"sealed shares of lengths {expected}", lengths)
    proper = is_check(record.check, rules.collusion)
    wanted = f"{rules.collusion + 1} elements of E"
    require(proper, "beacon-deal", sender, wanted, f"{len(record.check)} bytes")


def _apply_deal(history: HistoryState, envelope: Envelope, record: BeaconDeal) -> None:
    history.sharing.deals[envelope.sender] = record


def _check_deals_closed(history: HistoryState, sender: str, record: DealsClosed) -> None:
    expected = tuple(sorted(history.sharing.deals))
    require(record.dealers == expected, "dealers", sender, expected, record.dealers)
    needed, least, words = required_dealers(history, expected)
    require(len(needed) >= least, "dealers", sender, words, needed)


def _apply_deals_closed(history: HistoryState, envelope: Envelope, record: DealsClosed) -> None:
    history.sharing.dealers = record.dealers
    history.phase = VOUCH


def _check_vouch(history: HistoryState, sender: str, record: BeaconVouch) -> None:
    state = history.sharing
    require(sender in state.holders, "participant", sender, state.holders, sender)
    proper = set(record.dealers) <= set(state.dealers) and list(record.dealers) == sorted(set(record.dealers))
    require(proper, "dealers", sender, f"some of {state.dealers}", record.dealers)


def _apply_vouch(history: HistoryState, envelope: Envelope, record: BeaconVouch) -> None:
    history.sharing.vouches[envelope.sender] = record


def _check_vouches_closed(history: HistoryState, sender: str, record: VouchesClosed) -> None:
    threshold = history.rules.collusion
    expected = history.sharing.countable(threshold)
    require(record.dealers == expected, "counted-dealers", sender, expected, record.dealers)
    needed, least, words = required_dealers(history, expected)
    require(len(needed) >= least, "counted-dealers", sender, words, needed)


def _apply_vouches_closed(history: HistoryState, envelope: Envelope, record: VouchesClosed) -> None:
    history.sharing.counted = record.dealers
    history.phase = REVEAL


def vouched_for(history: HistoryState, holder: str) -> tuple[str, ...]:
    """The counted dealers whose shares a holder has to show."""
    vouch = history.sharing.vouches.get(holder)
    return tuple(dealer for dealer in history.sharing.counted if vouch and dealer in vouch.dealers)


def _check_shares(history: HistoryState, sender: str, record: BeaconShares) -> None:
    state, rules = history.sharing, history.rules
    due = vouched_for(history, sender)
    require(due != (), "participant", sender, "a holder that has vouched", sender)
    shown = tuple(dealer for dealer, share in zip(state.counted, record.shares, strict=False) if share)
    proper = len(record.shares) == len(state.counted) and shown == due
    require(proper, "beacon-shares", sender, f"a share of each of {due}", shown)
    for dealer, share in zip(state.counted, record.shares, strict=True):
        deal = state.deals[dealer]
        good = not share or share_is_good(
            deal_context(rules, dealer), deal.commitments, deal.check, rules.holder(sender), share
        )
        require(good, "beacon-shares", sender, f"the share that {dealer} has dealt", "another")


def _apply_shares(history: HistoryState, envelope: Envelope, record: BeaconShares) -> None:
    state = history.sharing
    shown = zip(state.counted, record.shares, strict=True)
    state.shares[envelope.sender] = {dealer: share for dealer, share in shown if share}


def beacon_that_follows(history: HistoryState) -> bytes | None:
    """The enrolment beacon, None while t + 1 shares of a counted dealer are missing."""
    rules = history.rules
    places = {name: rules.holder(name) for name in history.sharing.shares}
    nonces = history.sharing.nonces(places, rules.collusion)
    return None if nonces is None else enrolment_beacon(rules.digest, nonces)


def _check_fixed(history: HistoryState, sender: str, record: BeaconFixed) -> None:
    found = beacon_that_follows(history)
    expected = found or f"{history.rules.collusion + 1} shares of each of {history.sharing.counted}"
    require(record.beacon == found, "beacon", sender, expected, record.beacon)
    model = first_model_digest(history.rules, record.beacon)
    require(record.model == model, "first-model", sender, model, record.model)


def _apply_fixed(history: HistoryState, envelope: Envelope, record: BeaconFixed) -> None:
    history.sharing.beacon = record.beacon
    history.beacon = round_beacon(history.rules.digest, 1, record.beacon)
    history.model = record.model
    history.phase = BETWEEN


STEPS: dict[str, Step] = {
    BeaconDeal.kind: Step((HOSPITAL, VERIFIER), (DEAL,), _check_deal, _apply_deal),
    DealsClosed.kind: Step((AGGREGATOR,), (DEAL,), _check_deals_closed, _apply_deals_closed),
    BeaconVouch.kind: Step((HOSPITAL,), (VOUCH,), _check_vouch, _apply_vouch),
    VouchesClosed.kind: Step((AGGREGATOR,), (VOUCH,), _check_vouches_closed, _apply_vouches_closed),
    BeaconShares.kind: Step((HOSPITAL,), (REVEAL,), _check_shares, _apply_shares),
    BeaconFixed.kind: Step((AGGREGATOR,), (REVEAL,), _check_fixed, _apply_fixed),
}
