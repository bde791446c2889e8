"""What follows from the numbers of the rules: how many may be missing, lie, or have to speak.

With all hospitals as holders, t of the configuration is how many of them may collude. With a committee of
holders t is the committee's, and so many of all hospitals may collude as `Committees` reckons with. Locks and
abandonments are every hospital's in either case, so their numbers follow from that one.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from proofward.attestation.policy import Policy
from proofward.federation.committees.populations import Draw, Sampling
from proofward.federation.messages.consortium.chain_terms import ChainTerms
from proofward.federation.messages.consortium.committees import Bound, Committees
from proofward.federation.messages.consortium.roles import HOSPITAL, VERIFIER
from proofward.federation.messages.consortium.scaling import EVERYTHING, Scaling
from proofward.federation.messages.consortium.usual import MOST_COUNTED
from proofward.layers.basics.errors import ConfigurationError
from proofward.relations.rules.config import RoundConfig
from proofward.relations.rules.counting import Counting


class Thresholds:
    """The part of the rules that counts."""

    minimum_updates: int
    abandonments: int
    config: RoundConfig
    committees: Committees | None
    members: tuple[Any, ...]
    accepting_verdicts: int
    attestation: Policy | None
    chain: ChainTerms | None
    counting: tuple[Counting, ...]
    scaling: Scaling

    def named(self, role: str) -> tuple[str, ...]:
        """Names of the members with a role, ascending."""
        return tuple(member.name for member in self.members if member.role == role)

    @cached_property
    def hospitals(self) -> tuple[str, ...]:
        """All hospitals, ascending; without committees the position is the holder's index."""
        return self.named(HOSPITAL)

    @cached_property
    def verifiers(self) -> tuple[str, ...]:
        """All verifiers, ascending."""
        return self.named(VERIFIER)

    def check_committees(self) -> None:
        """Raises ConfigurationError unless holders and committees fit the members and the policy."""
        hospitals, config = len(self.hospitals), self.config
        if self.committees is not None:
            numbers = hospitals, len(self.verifiers), config.threshold, config.holders
            self.committees.check(*numbers)
        elif hospitals != config.holders:
            expected = f"config.holders = {config.holders} hospitals"
            raise ConfigurationError("members", expected, self.hospitals)

    def check_following(self) -> None:
        """Raises ConfigurationError where hospitals that follow heads could not do what the rules ask."""
        if not self.scaling.heads:
            return
        seats = () if self.chain is None else self.chain.seats
        counted = sum(len(own.rounds) for own in self.counting)
        for asked, what in (
            (self.attestation is not None, "evidence of machines"),
            (bool(set(seats) & set(self.hospitals)), "a hospital's seat on a chain"),
            (counted > MOST_COUNTED, f"more than {MOST_COUNTED} rounds that count"),
        ):
            if asked:
                expected = f'follow = "{EVERYTHING}", since a head does not show what {what} takes'
                raise ConfigurationError("scaling.follow", expected, self.scaling.follow)

    @property
    def bounds(self) -> tuple[Bound, ...]:
        """What the draws of committees can fail at; nothing where there are none."""
        if self.committees is None:
            return ()
        numbers = len(self.hospitals), len(self.verifiers), self.config.threshold
        return tuple(self.committees.bounds(*numbers))

    @property
    def draws_holders(self) -> bool:
        """Whether a committee holds the shares of keys."""
        return self.committees is not None and self.committees.holders > 0

    @property
    def sample(self) -> int:
        """s: how many verifiers judge a proof at first; 0 for all."""
        return 0 if self.committees is None else self.committees.sample

    @cached_property
    def draw(self) -> Draw:
        """Of how many hospitals how many holders are drawn, where they are."""
        assert self.committees is not None
        return self.committees.draw(len(self.hospitals), self.config.threshold)

    @cached_property
    def sampling(self) -> Sampling:
        """Of how many verifiers how many judge a proof, where not all do."""
        assert self.committees is not None
        return self.committees.sampling(len(self.verifiers))

    @property
    def fewest_enrolled(self) -> int:
        """How many hospitals have to be accepted before the first round: of fewer nothing can be drawn."""
        return max(self.minimum_updates, self.draw.fewest if self.draws_holders else 0)

    @property
    def collusion(self) -> int:
        """How many hospitals may collude without learning anything together."""
        if self.committees is None or not self.committees.holders:
            return self.config.threshold
        return self.committees.corrupt_hospitals(len(self.hospitals))

    @property
    def corrupt_verifiers(self) -> int:
        """K: how many verifiers are corrupt at most.

        As many as committees are reckoned with; without them one fewer than those whose verdicts decide.
        """
        if self.committees is None:
            return self.accepting_verdicts - 1
        return self.committees.verifiers(len(self.verifiers)).corrupt

    @property
    def head_quorum(self) -> int:
        """q: how many verifiers have to sign a head before a hospital takes it, see `history.light.heads`."""
        return (len(self.verifiers) + self.corrupt_verifiers) // 2 + 1

    @property
    def missing_vouches(self) -> int:
        """How many holders of the enrolment beacon's nonces need not vouch for a dealer that counts.

        One; where the number of hospitals is such that committees are drawn, as many as may be missing.
        """
        if self.committees is None or not self.committees.holders:
            return 1
        reckoned = self.committees.hospitals(len(self.hospitals))
        return max(1, reckoned.corrupt + reckoned.absent)

    @property
    def absences(self) -> int:
        """x: how many hospitals of an attempt may be missing when its accepted set is abandoned."""
        return len(self.hospitals) - self.abandonments

    @property
    def locks(self) -> int:
        """Locks of an accepted set before any share sum is given: x, and one more than may collude."""
        return self.collusion + 1 + self.absences

    @property
    def colluding_holders(self) -> int:
        """How many dishonest hospitals it takes, beside the aggregator, to open two sums from one model.

        min(t + 1, 2 m - h), with t = `collusion`: see `docs/rounds.md`. Fewer than t + 1 cannot have a set
        abandoned that was opened. Two sets without an honest hospital in common have 2 m - h dishonest ones
        in common at least.
        """
        return min(self.collusion + 1, 2 * self.minimum_updates - len(self.hospitals))

    @property
    def hospitals_to_spare(self) -> int:
        """How many hospitals may be missing from the outset of a round."""
        return len(self.hospitals) - self.fewest_enrolled

    @property
    def absent_hospitals(self) -> int:
        """How many hospitals may vanish, at whatever moment, without the federation coming to an end."""
        return len(self.hospitals) - max(self.fewest_enrolled, self.abandonments)


def in_words(bounds: tuple[Bound, ...]) -> Iterator[str]:
    """What the draws of committees can fail at, a line each, for people."""
    for bound in bounds:
        kept = "" if bound.kept else "UNSAFE: "
        yield f"{kept}{bound.shown}"


def committees_in_words(rules: Thresholds) -> Iterator[str]:
    """Who is drawn to hold shares and to judge proofs, and what the draws can fail at; nothing without."""
    drawn = rules.committees
    if drawn is None:
        return
    assumed = f"reckoned with {drawn.corrupt} % corrupt and {drawn.absent} % absent"
    if drawn.holders:
        yield (
            f"a committee of {drawn.holders} hospitals, drawn for each round, holds the shares of its keys; "
            f"{rules.config.threshold} of them learn nothing together; {assumed}"
        )
    if drawn.sample:
        yield (
            f"{drawn.sample} verifiers, drawn for each proof of a round, judge it, and all where these "
            f"disagree or are silent; {assumed}"
        )
    yield "the bounds hold whoever is missing: of fewer hospitals fewer hold, of fewer verifiers more judge"
    if drawn.redraws:
        yield f"whoever influences a beacon is granted {drawn.redraws} further draws"
    yield from in_words(rules.bounds)


def following_in_words(rules: Thresholds) -> Iterator[str]:
    """Who need not read the whole ledger, and what that rests on; nothing where all read it."""
    if rules.scaling.heads and not rules.draws_holders:
        yield (
            "no hospital that the rules name can follow heads of the ledger: without a committee of holders "
            "all of them hold shares"
        )
    elif rules.scaling.heads:
        yield (
            "a hospital that holds no shares in a round may follow heads of the ledger, each signed by "
            f"{rules.head_quorum} of the {len(rules.verifiers)} verifiers, of whom at most "
            f"{rules.corrupt_verifiers} may be corrupt"
        )
