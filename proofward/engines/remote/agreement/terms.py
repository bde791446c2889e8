"""What a consortium agrees on before anybody has keys: sites, members, roles, thresholds, training, deadline.

The rules (`federation.rules`) are the terms with every member's public key; everybody computes them alike.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, ClassVar, TypeVar, cast

from proofward.attestation.policy import MAX_POLICY_BYTES, Policy
from proofward.encoding import Length, MalformedMessage, Range, decode, decode_item, encode, encode_item
from proofward.encoding.cbor import Item
from proofward.federation.messages.basics.field_types import MaybeDigest, Name
from proofward.federation.messages.consortium.chain_terms import MAX_CHAIN, ChainTerms
from proofward.federation.messages.consortium.committees import MAX_COMMITTEES, Committees
from proofward.federation.messages.consortium.declarations import (
    MAX_DECLARATIONS,
    NOTHING_DECLARED,
    Declarations,
)
from proofward.federation.messages.consortium.round_kinds import (
    MAX_COUNTING,
    MAX_STOPPING,
    counting_from_item,
    counting_to_item,
)
from proofward.federation.messages.consortium.rules import (
    AGGREGATOR,
    HOSPITAL,
    VERIFIER,
    Member,
    Rules,
    RulesError,
    check_name,
)
from proofward.federation.messages.consortium.scaling import PLAIN, Scaling
from proofward.federation.messages.consortium.usual import MAX_DEADLINE, MAX_UPLOAD_SLOT
from proofward.lattice.parameters import MAX_MEMBERS
from proofward.layers.basics.errors import ConfigurationError
from proofward.privacy.accountant import Accountant
from proofward.privacy.counts import distance_of_counts
from proofward.relations.rules.config import RoundConfig
from proofward.relations.rules.counting import Counting
from proofward.relations.scores.stopping import Stopping

A = TypeVar("A")
U = TypeVar("U")


@dataclass(frozen=True)
class Seat:
    """A member of the protocol and the site where it runs."""

    member: Name
    role: Name
    site: Annotated[str, Length(1, 200)]


def added_seat(site: str) -> Seat:
    """The seat of a hospital that comes when the terms are fixed: alone at a site of its name."""
    return Seat(site, HOSPITAL, site)


@dataclass(frozen=True)
class Terms:
    """What the rules say, a deadline, and when uploads leave.

    seats: sorted by member. config: canonical encoding of the RoundConfig. deadline: seconds a phase.
    upload_slot: seconds, of which a multiple passes at a remote site before its upload leaves; 0 for at once
    initial_model: digest of a trusted first model, b"" for one that the members draw
    declarations: canonical encoding of the Declarations, b"" where nothing is declared
    counting: canonical encoding of what is counted in which rounds, b"" where all of them train
    stopping: canonical encoding of the rule on stopping, b"" where there is none
    attestation: canonical encoding of what is asked of evidence, b"" where nothing is
    chain: canonical encoding of what is agreed on about the anchor on a chain, b"" where there is none
    committees: canonical encoding of the Committees, b"" where there are none
    sums, shares, sealing_keys, verdicts, follow: how members check a sum, how long sealed shares are kept,
        where the keys are that they are sealed to, whether verdicts come together, and whether heads are
        signed that hospitals may follow, see Scaling
    """

    kind: ClassVar[str] = "terms"
    federation: Annotated[str, Length(1, 200)]
    seats: Annotated[tuple[Seat, ...], Length(1, MAX_MEMBERS)]
    accepting_verdicts: Annotated[int, Range(1, MAX_MEMBERS)]
    minimum_updates: Annotated[int, Range(3, MAX_MEMBERS)]
    abandonments: Annotated[int, Range(2, MAX_MEMBERS)]
    rounds: Annotated[int, Range(1, 1 << 20)]
    config: Annotated[bytes, Length(1, 1 << 16)]
    initial_model: MaybeDigest
    deadline: Annotated[int, Range(1, MAX_DEADLINE)]
    upload_slot: Annotated[int, Range(0, MAX_UPLOAD_SLOT)]
    declarations: Annotated[bytes, Length(0, MAX_DECLARATIONS)] = b""
    counting: Annotated[bytes, Length(0, MAX_COUNTING)] = b""
    stopping: Annotated[bytes, Length(0, MAX_STOPPING)] = b""
    attestation: Annotated[bytes, Length(0, MAX_POLICY_BYTES)] = b""
    chain: Annotated[bytes, Length(0, MAX_CHAIN)] = b""
    committees: Annotated[bytes, Length(0, MAX_COMMITTEES)] = b""
    sums: Annotated[str, Length(1, 16)] = PLAIN.sums
    shares: Annotated[str, Length(1, 16)] = PLAIN.shares
    sealing_keys: Annotated[str, Length(1, 16)] = PLAIN.sealing_keys
    follow: Annotated[str, Length(1, 16)] = PLAIN.follow
    verdicts: Annotated[str, Length(1, 16)] = PLAIN.verdicts

    @classmethod
    def of(cls, config: RoundConfig, **fields: Any) -> Terms:
        """With this configuration; `declared`, `counted`, `stops`, `asked`, `anchored`, `drawn` as rules."""
        declared, counted = fields.pop("declared", NOTHING_DECLARED), fields.pop("counted", ())
        names = {"stopping": "stops", "attestation": "asked", "chain": "anchored", "committees": "drawn"}
        for field, name in names.items():
            own = fields.pop(name, None)
            fields[field] = b"" if own is None else encode_item(own.to_item())
        return cls(
            config=encode_item(cast(Item, config.to_dict())),
            declarations=b"" if declared == NOTHING_DECLARED else encode(declared),
            counting=encode_item(counting_to_item(counted)) if counted else b"",
            **fields,
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Terms:
        """Inverse of `data`; raises RulesError."""
        try:
            terms = decode(data, cls)
        except MalformedMessage as error:
            raise RulesError("terms", error.expected, error.actual) from error
        for seat in terms.seats:
            check_name(seat.member)
        return terms

    @cached_property
    def data(self) -> bytes:
        """Canonical bytes."""
        return encode(self)

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the canonical bytes: what a member's request to join names."""
        return hashlib.sha256(self.data).digest()

    @cached_property
    def round_config(self) -> RoundConfig:
        """The configuration; raises RulesError."""
        try:
            return RoundConfig.from_dict(cast(Any, decode_item(self.config)))
        except (MalformedMessage, ConfigurationError, KeyError, TypeError) as error:
            raise RulesError("configuration", "the fields of a configuration", str(error)) from error

    @cached_property
    def declared(self) -> Declarations:
        """What the consortium declares of itself; raises RulesError."""
        try:
            return decode(self.declarations, Declarations) if self.declarations else NOTHING_DECLARED
        except MalformedMessage as error:
            raise RulesError("declarations", error.expected, error.actual) from error

    @cached_property
    def counted(self) -> tuple[Counting, ...]:
        """What is counted, and in which rounds; raises RulesError."""
        words = "what is counted in which rounds"
        return _agreed(self.counting, counting_from_item, (), "counting", words)

    @cached_property
    def stops(self) -> Stopping | None:
        """The rule on stopping; raises RulesError."""
        return _agreed(self.stopping, Stopping.from_item, None, "stopping", "a rule on stopping")

    @cached_property
    def asked(self) -> Policy | None:
        """What is asked of evidence about machines; raises RulesError."""
        return _agreed(self.attestation, Policy.from_item, None, "attestation", "what is asked of evidence")

    @cached_property
    def anchored(self) -> ChainTerms | None:
        """Where the ledger is anchored and who seals; raises RulesError."""
        return _agreed(self.chain, ChainTerms.from_item, None, "chain", "an anchor on a chain")

    @cached_property
    def drawn(self) -> Committees | None:
        """The committees; raises RulesError."""
        return _agreed(self.committees, Committees.from_item, None, "committees", "what committees are drawn")

    @property
    def scaling(self) -> Scaling:
        """How sums are checked, where shares and keys are, how the ledger is followed; raises RulesError."""
        try:
            return Scaling(self.sums, self.shares, self.sealing_keys, self.follow, self.verdicts)
        except ConfigurationError as error:
            raise RulesError(error.field, error.expected, error.actual) from error

    @property
    def counts_only(self) -> bool:
        """Whether all rounds count; raises RulesError."""
        return sum(len(own.rounds) for own in self.counted) == self.rounds

    @property
    def accountant(self) -> Accountant | None:
        """Reckons the differential privacy of these terms, None where sums are exact; raises RulesError."""
        config = self.round_config
        if config.privacy is None:
            return None
        counted = distance_of_counts(self.counted)
        return Accountant(config.privacy, config.model.parameters, self.minimum_updates, counted=counted)

    def at(self, site: str) -> tuple[Seat, ...]:
        """The members of a site."""
        return tuple(seat for seat in self.seats if seat.site == site)

    def find(self, member: str) -> Seat | None:
        """The seat of a member."""
        return next((seat for seat in self.seats if seat.member == member), None)

    @property
    def aggregator(self) -> Seat:
        """The aggregator's seat; raises RulesError."""
        found = [seat for seat in self.seats if seat.role == AGGREGATOR]
        if len(found) != 1:
            raise RulesError("members", "exactly one aggregator", [seat.member for seat in found])
        return found[0]

    def named(self, role: str) -> tuple[str, ...]:
        """Members with a role."""
        return tuple(seat.member for seat in self.seats if seat.role == role)

    def rules(self, keys: Mapping[str, bytes]) -> Rules:
        """The rules with these public keys, by member; raises RulesError."""
        lacking = [seat.member for seat in self.seats if seat.member not in keys]
        if lacking:
            raise RulesError("keys", "one of every member", f"none of {', '.join(lacking)}")
        return Rules(
            federation=self.federation,
            members=tuple(Member(seat.member, seat.role, keys[seat.member]) for seat in self.seats),
            accepting_verdicts=self.accepting_verdicts,
            minimum_updates=self.minimum_updates,
            abandonments=self.abandonments,
            rounds=self.rounds,
            config=self.round_config,
            initial_model=self.initial_model,
            declarations=self.declared,
            counting=self.counted,
            stopping=self.stops,
            attestation=self.asked,
            chain=self.anchored,
            committees=self.drawn,
            scaling=self.scaling,
        )

    def check(self) -> Rules:
        """The rules with keys of nobody in place of the members'; raises RulesError if there can be none."""
        from proofward.ledger.keys import SigningKey

        stand_ins = {
            seat.member: SigningKey(hashlib.sha256(seat.member.encode()).digest()).public.raw
            for seat in self.seats
        }
        rules = self.rules(stand_ins)
        if 2 * self.upload_slot > self.deadline:
            raise RulesError("upload_slot", f"at most half the deadline, {self.deadline} s", self.upload_slot)
        if not self.named(HOSPITAL) or not self.named(VERIFIER):
            raise RulesError("members", "hospitals and verifiers", [seat.role for seat in self.seats])
        return rules


def _agreed(data: bytes, read: Callable[[Any], A], usual: U, field: str, words: str) -> A | U:
    """What these bytes say, or the usual where there are none; raises RulesError."""
    try:
        return read(decode_item(data)) if data else usual
    except (MalformedMessage, ConfigurationError) as error:
        raise RulesError(field, words, str(error)) from error
