"""The consortium's rules: members, keys, roles, thresholds and the training.

They are fixed before anything else happens. The SHA-256 digest of their canonical bytes is the consortium's
identity; every message and every proof is bound to it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

from proofward.attestation.policy import Policy
from proofward.encoding import MalformedMessage, decode, decode_item, encode, encode_item
from proofward.encoding.cbor import Item
from proofward.encoding.records import UNSHOWN
from proofward.federation.messages.consortium import roles
from proofward.federation.messages.consortium.chain_terms import ChainTerms
from proofward.federation.messages.consortium.committees import Committees
from proofward.federation.messages.consortium.declarations import (
    MAX_DECLARATIONS,
    NOTHING_DECLARED,
    Declarations,
)
from proofward.federation.messages.consortium.round_kinds import (
    RoundKinds,
    counting_from_item,
    counting_to_item,
)
from proofward.federation.messages.consortium.scaling import PLAIN, Scaling
from proofward.federation.messages.consortium.thresholds import Thresholds
from proofward.federation.messages.consortium.usual import MAX_ROUNDS, least_updates, usual_verdicts
from proofward.lattice.parameters import MAX_MEMBERS
from proofward.layers.basics.errors import ConfigurationError
from proofward.ledger.errors import SignatureInvalid
from proofward.ledger.keys import PublicKey
from proofward.privacy.accountant import Accountant
from proofward.privacy.counts import distance_of_counts
from proofward.relations.rules.config import RoundConfig
from proofward.relations.rules.counting import Counting
from proofward.relations.scores.stopping import Stopping

HOSPITAL, VERIFIER, AGGREGATOR = roles.HOSPITAL, roles.VERIFIER, roles.AGGREGATOR
ROLES = (AGGREGATOR, HOSPITAL, VERIFIER)
FORMAT = "proofward/rules/v2"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


class RulesError(ValueError):
    """Rules that make no sense: the field, what is expected, what was found."""

    def __init__(self, field: str, expected: str, actual: object) -> None:
        super().__init__(f"rules: {field}: expected {expected}, found {actual!r}")


def check_name(name: object) -> None:
    """Raises RulesError unless this can be a member's name, and the name of its folder."""
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name == "transport":
        raise RulesError("member name", f"a name matching {_NAME.pattern}", name)


@dataclass(frozen=True)
class Member:
    """A member: name (lower case, digits, hyphens; at most 40), one role, Ed25519 public key (32 bytes)."""

    name: str
    role: str
    key: bytes

    def __post_init__(self) -> None:
        check_name(self.name)
        if self.role not in ROLES:
            raise RulesError(f"role of {self.name}", f"one of {ROLES}", self.role)
        if type(self.key) is not bytes or len(self.key) != 32:
            raise RulesError(f"key of {self.name}", "32 bytes", self.key)
        try:
            PublicKey(self.key)
        except (SignatureInvalid, ValueError) as error:
            raise RulesError(f"key of {self.name}", "an Ed25519 public key", self.key) from error


@dataclass(frozen=True)
class Rules(Thresholds, RoundKinds):
    """What a consortium agrees on, with h hospitals and the threshold t of its configuration.

    accepting_verdicts: k of the verifiers, more than half of them minimum_updates: m, the fewest hospitals in
    a sum: at least t + 2, and so that two sums have two in common abandonments: a = h - x; all hospitals of
    an attempt but x have to abandon its accepted set before the round
        is tried again. m hospitals have to be enough for t + 1 + x locks
    rounds: all of them, of training and of counting
    config: with config.holders = h
    initial_model: b"" for a first model that the members draw; else the SHA-256 of a trusted first model
    declarations: what the consortium says of itself; rules that declare nothing have the bytes that they had
    counting: what is counted, by first round; every round that none of them names trains
    stopping: by what figure of the evaluations the best round is named, and when training ends
    attestation: what is asked of members' evidence about their machines; None where nothing is
    chain: where the ledger is anchored and who seals, if it is
    committees: who holds shares and who judges proofs, where it is not everybody; then config.holders = c
    scaling: how sums are checked
    """

    federation: str
    members: tuple[Member, ...]
    accepting_verdicts: int
    minimum_updates: int
    abandonments: int
    rounds: int
    config: RoundConfig
    initial_model: bytes = b""
    declarations: Declarations = NOTHING_DECLARED
    counting: tuple[Counting, ...] = ()
    stopping: Stopping | None = None
    attestation: Policy | None = None
    chain: ChainTerms | None = None
    committees: Committees | None = None
    scaling: Scaling = PLAIN

    def __post_init__(self) -> None:
        names = [member.name for member in self.members]
        if names != sorted(set(names)):
            raise RulesError("members", "distinct names in ascending order", names)
        if len({member.key for member in self.members}) != len(names):
            raise RulesError("members", "distinct keys", names)
        if len(self.named(AGGREGATOR)) != 1:
            raise RulesError("members", "exactly one aggregator", self.named(AGGREGATOR))
        try:
            self.check_committees()
            self.check_following()
            if not self.counts_only:
                self.config.check_steps(self.config.least_rows)
        except ConfigurationError as error:
            raise RulesError(error.field, error.expected, error.actual) from error
        hospitals, threshold = len(self.hospitals), self.collusion
        for field, low, high in (
            ("accepting_verdicts", usual_verdicts(len(self.verifiers)), len(self.verifiers)),
            ("minimum_updates", least_updates(hospitals, threshold), hospitals),
            ("abandonments", hospitals - self.minimum_updates + threshold + 1, hospitals),
            ("rounds", 1, MAX_ROUNDS),
        ):
            value = getattr(self, field)
            if type(value) is not int or not low <= value <= high:
                raise RulesError(field, f"an integer in [{low}, {high}]", value)
        title = self.federation
        if not isinstance(title, str) or not 1 <= len(title) <= 200 or UNSHOWN.search(title):
            raise RulesError("federation", "a title of 1 to 200 characters that can be shown", title)
        if type(self.initial_model) is not bytes or len(self.initial_model) not in (0, 32):
            raise RulesError("initial_model", "no bytes, or 32", self.initial_model)
        size = len(encode(self.declarations))
        if size > MAX_DECLARATIONS:
            raise RulesError("declarations", f"at most {MAX_DECLARATIONS} bytes", f"{size} bytes")
        declared = [entry.member for entry in self.declarations.members]
        if declared != sorted(set(declared)) or not set(declared) <= set(names):
            raise RulesError("declarations", "names of members, each once, in ascending order", declared)
        try:
            self.check_rounds()
        except ConfigurationError as error:
            raise RulesError("counting", "counts that can be summed", str(error)) from error
        try:
            if self.chain is not None:
                self.chain.check((*self.hospitals, *self.verifiers))
        except ConfigurationError as error:
            raise RulesError("chain", "an anchor that members can seal", str(error)) from error
        try:
            if self.accountant is not None:
                self.accountant.check(self.releases_planned)
        except ConfigurationError as error:
            raise RulesError("privacy", "noise that keeps its promise", str(error)) from error

    @property
    def accountant(self) -> Accountant | None:
        """Reckons the differential privacy of these rules; None where sums are exact."""
        privacy = self.config.privacy
        if privacy is None:
            return None
        counted = distance_of_counts(self.counting)
        return Accountant(privacy, self.config.model.parameters, self.minimum_updates, counted=counted)

    @cached_property
    def aggregator(self) -> str:
        """The aggregator's name."""
        return self.named(AGGREGATOR)[0]

    @property
    def trusts_first_model(self) -> bool:
        """Whether somebody has chosen the first model."""
        return self.initial_model != b""

    @cached_property
    def _by_name(self) -> dict[str, Member]:
        return {member.name: member for member in self.members}

    def find(self, name: str) -> Member | None:
        """The member of that name, if there is one."""
        return self._by_name.get(name)

    def holders_among(self, names: Iterable[str]) -> tuple[str, ...]:
        """Those of `names` that hold shares, ascending: hospitals named here, not those admitted later."""
        return tuple(sorted(self._hospital_names.intersection(names)))

    @cached_property
    def _hospital_names(self) -> frozenset[str]:
        return frozenset(self.hospitals)

    @property
    def most_hospitals(self) -> int:
        """The most hospitals there can be, those admitted later among them.

        So many updates, each up to its bound, decode from one sum, and no list of members is longer. Nothing
        else depends on their number: all thresholds count the hospitals named here.
        """
        return MAX_MEMBERS - len(self.members) + len(self.hospitals)

    def holder(self, hospital: str) -> int:
        """Index of a hospital as share holder."""
        return self.hospitals.index(hospital)

    @cached_property
    def data(self) -> bytes:
        """Canonical bytes."""
        fields: dict[str, Item] = {
            "format": FORMAT,
            "federation": self.federation,
            "members": [[member.name, member.role, member.key] for member in self.members],
            "accepting_verdicts": self.accepting_verdicts,
            "minimum_updates": self.minimum_updates,
            "abandonments": self.abandonments,
            "rounds": self.rounds,
            "initial_model": self.initial_model,
            "config": cast(Item, self.config.to_dict()),
        }
        for name, own in OPTIONAL.items():
            if (value := getattr(self, name)) != own.usual:
                fields[name] = own.to_item(value)
        return encode_item(fields)

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the canonical bytes: the consortium's identity (32 bytes)."""
        return hashlib.sha256(self.data).digest()

    @classmethod
    def from_bytes(cls, data: bytes) -> Rules:
        """Inverse of `data`; raises RulesError."""
        try:
            found = _mapping(decode_item(data), "rules")
            config = RoundConfig.from_dict(found["config"])
            members = tuple(Member(*entry) for entry in found["members"])
            scalars = {name: found[name] for name in _SCALARS}
            agreed = {name: own.from_item(found[name]) for name, own in OPTIONAL.items() if name in found}
            rules = cls(members=members, config=config, **scalars, **agreed)
        except (KeyError, TypeError, MalformedMessage, ConfigurationError) as error:
            raise RulesError(
                "structure", "the fields of a rules record", f"{type(error).__name__}: {error}"
            ) from error
        if rules.data != data:
            raise RulesError("encoding", "the canonical encoding", f"{len(data)} other bytes")
        return rules


@dataclass(frozen=True)
class Agreement:
    """One that rules may do without: where it is the usual one, their bytes have no word of it."""

    usual: object
    to_item: Callable[[Any], Item]
    from_item: Callable[[Any], Any]


OPTIONAL: dict[str, Agreement] = {
    "declarations": Agreement(NOTHING_DECLARED, encode, lambda item: decode(item, Declarations)),
    "counting": Agreement((), counting_to_item, counting_from_item),
    "stopping": Agreement(None, Stopping.to_item, Stopping.from_item),
    "attestation": Agreement(None, Policy.to_item, Policy.from_item),
    "chain": Agreement(None, ChainTerms.to_item, ChainTerms.from_item),
    "committees": Agreement(None, Committees.to_item, Committees.from_item),
    "scaling": Agreement(PLAIN, Scaling.to_item, Scaling.from_item),
}
"""By field of Rules."""
_SCALARS = ("federation", "accepting_verdicts", "minimum_updates", "abandonments", "rounds", "initial_model")


def _mapping(value: object, field: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise RulesError(field, "a mapping", type(value).__name__)
    return value
