"""What a consortium asks of evidence: [attestation] of its rules.

Evidence adds to proofs and stands for none. `recorded` writes it down; `required` keeps a hospital whose
evidence was not accepted from enrolling, and the federation from starting without that of other roles. What
is accepted of proofs, weights and sums never depends on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from proofward.attestation.binding import gpu_nonce
from proofward.attestation.claims import (
    DEBUG,
    GPU,
    KINDS,
    LABELS,
    MEASUREMENT_BYTES,
    PROCESSORS,
    STATES,
    Claims,
    Item,
)
from proofward.attestation.errors import demand
from proofward.attestation.kinds import verify_item
from proofward.attestation.roots import VENDORS
from proofward.encoding.cbor import Item as Plain
from proofward.layers.basics.errors import ConfigurationError

RECORDED, REQUIRED = "recorded", "required"
LEVELS = (RECORDED, REQUIRED)
ROLES = ("aggregator", "hospital", "verifier")
UP_TO_DATE, SOFTWARE = "UpToDate", "SWHardeningNeeded"
STATUSES = (
    "ConfigurationAndSWHardeningNeeded",
    "ConfigurationNeeded",
    "OutOfDate",
    "OutOfDateConfigurationNeeded",
    SOFTWARE,
    UP_TO_DATE,
)
"""What Intel says of a platform's firmware. `Revoked` is never accepted."""
MOST_MEASUREMENTS, MOST_ROOTS, MOST_SECONDS = 256, 16, 10 * 366 * 86400
MAX_POLICY_BYTES = 1 << 17
DAY = 86400
USUAL_AGE = 7 * DAY


@dataclass(frozen=True)
class Policy:
    """What is asked of whom.

    kinds: which are accepted; a GPU's stands beside a processor's
    roles: who is asked for it
    maximum_age: seconds between the ledger that evidence names and the message that brings it, by its
        time and by the ledger's when it is recorded
    measurements: (kind, label, values): one of the values has to be measured; without, any software will do
    forbidden: of STATES, what its owner may not have allowed
    statuses: what the vendor may say of its firmware
    roots: (kind, SHA-256 fingerprint) of the certificates that all evidence has to lead to
    """

    level: str
    kinds: tuple[str, ...]
    roles: tuple[str, ...] = ("hospital",)
    maximum_age: int = USUAL_AGE
    measurements: tuple[tuple[str, str, tuple[bytes, ...]], ...] = ()
    forbidden: tuple[str, ...] = STATES
    statuses: tuple[str, ...] = (SOFTWARE, UP_TO_DATE)
    roots: tuple[tuple[str, bytes], ...] = ()

    def __post_init__(self) -> None:
        _one(self.level, LEVELS, "level")
        _some(self.kinds, KINDS, "kinds")
        if not set(self.kinds) & set(PROCESSORS):
            raise ConfigurationError("attestation.kinds", " or ".join(PROCESSORS), self.kinds)
        _some(self.roles, ROLES, "roles")
        _some(self.forbidden, STATES, "forbidden", least=0)
        _some(self.statuses, STATUSES, "statuses")
        if type(self.maximum_age) is not int or not 1 <= self.maximum_age <= MOST_SECONDS:
            raise ConfigurationError("attestation.maximum_age", f"1 to {MOST_SECONDS}", self.maximum_age)
        self._check_measurements()
        if len(self.roots) > MOST_ROOTS or list(self.roots) != sorted(set(self.roots)):
            raise ConfigurationError("attestation.roots", f"up to {MOST_ROOTS}, ascending", len(self.roots))
        if {kind for kind, _ in self.roots} != set(self.kinds) or any(
            len(own) != 32 for _, own in self.roots
        ):
            raise ConfigurationError(
                "attestation.roots", "fingerprints of 32 bytes for each kind", self.roots
            )

    def _check_measurements(self) -> None:
        names = [(kind, label) for kind, label, _ in self.measurements]
        known = {(kind, label) for kind in self.kinds for label in LABELS[kind]}
        if names != sorted(set(names)) or not set(names) <= known:
            raise ConfigurationError("attestation.measurements", f"some of {sorted(known)}, ascending", names)
        for kind, label, values in self.measurements:
            proper = all(type(value) is bytes and len(value) == MEASUREMENT_BYTES for value in values)
            if not (proper and 1 <= len(values) <= MOST_MEASUREMENTS and list(values) == sorted(set(values))):
                expected = f"1 to {MOST_MEASUREMENTS} values of {MEASUREMENT_BYTES} bytes, ascending"
                raise ConfigurationError(f"attestation.measurements.{kind}.{label}", expected, len(values))

    def roots_of(self, kind: str) -> tuple[bytes, ...]:
        """Fingerprints that count for a kind."""
        return tuple(own for named, own in self.roots if named == kind)

    def asks(self, role: str) -> bool:
        """Whether a member of this role may do nothing more before its evidence is accepted."""
        return self.level == REQUIRED and role in self.roles

    def check(self, claims: Claims) -> None:
        """Raises EvidenceRefused unless verified claims are what the rules allow."""
        demand(claims.kind in self.kinds, "evidence-kind", " or ".join(self.kinds), claims.kind)
        for state in self.forbidden:
            name = "evidence-debug" if state == DEBUG else "evidence-migration"
            demand(state not in claims.open_to, name, f"no {state}", f"{state} allowed by its owner")
        if claims.status:
            found = f"{claims.status} {' '.join(claims.advisories)}".rstrip()
            demand(claims.status in self.statuses, "evidence-status", " or ".join(self.statuses), found)
        for kind, label, values in self.measurements:
            if kind == claims.kind:
                value = claims.measurements[label]
                expected = f"{label} among the {len(values)} allowed"
                demand(value in values, "evidence-measurement", expected, f"{label} {value.hex()}")

    def verify(self, items: Sequence[Item], report_data: bytes, time: int) -> tuple[Claims, ...]:
        """The claims of all evidence of a member; raises EvidenceRefused, or CannotVerify."""
        found = []
        for item in items:
            demand(item.kind in self.kinds, "evidence-kind", " or ".join(self.kinds), item.kind)
            claims = verify_item(item, time, self.roots_of(item.kind))
            bound = gpu_nonce(report_data) if item.kind == GPU else report_data
            own, other = (data.hex()[:32] for data in (bound, claims.bound))
            demand(claims.bound == bound, "evidence-binding", f"report data {own}...", f"{other}...")
            self.check(claims)
            found.append(claims)
        return tuple(found)

    @property
    def words(self) -> str:
        """For people: what is asked, of whom, and what makes it weaker than it looks."""
        found = f"evidence of {' or '.join(self.kinds)} {self.level} of {', '.join(self.roles)}"
        if not self.measurements:
            found += ", of any software"
        foreign = [own.hex()[:16] for kind, own in self.roots if own not in VENDORS[kind]]
        return f"{found}, under roots that are no vendor's: {', '.join(foreign)}" if foreign else found

    def to_item(self) -> Plain:
        """Canonical plain form."""
        return cast(Plain, {
            "level": self.level,
            "kinds": list(self.kinds),
            "roles": list(self.roles),
            "maximum_age": self.maximum_age,
            "measurements": [[kind, label, list(values)] for kind, label, values in self.measurements],
            "forbidden": list(self.forbidden),
            "statuses": list(self.statuses),
            "roots": [list(pair) for pair in self.roots],
        })  # fmt: skip

    @classmethod
    def from_item(cls, item: object) -> Policy:
        """Inverse of `to_item`; raises ConfigurationError."""
        if not isinstance(item, Mapping):
            raise ConfigurationError("attestation", "a mapping", type(item).__name__)
        try:
            return cls._of(item)
        except ConfigurationError:
            raise
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            expected = "the fields of a policy"
            raise ConfigurationError("attestation", expected, f"{type(error).__name__}: {error}") from error

    @classmethod
    def _of(cls, found: Mapping[str, Any]) -> Policy:
        return cls(
            level=found["level"],
            kinds=tuple(found["kinds"]),
            roles=tuple(found["roles"]),
            maximum_age=found["maximum_age"],
            measurements=tuple((kind, label, tuple(own)) for kind, label, own in found["measurements"]),
            forbidden=tuple(found["forbidden"]),
            statuses=tuple(found["statuses"]),
            roots=tuple((kind, own) for kind, own in found["roots"]),
        )


def vendor_roots(kinds: Sequence[str]) -> tuple[tuple[str, bytes], ...]:
    """The vendors' roots for some kinds, as a policy has them."""
    return tuple(sorted((kind, own) for kind in kinds for own in VENDORS[kind]))


def _one(value: object, options: Sequence[str], name: str) -> None:
    if value not in options:
        raise ConfigurationError(f"attestation.{name}", f"one of {', '.join(options)}", value)


def _some(values: Sequence[str], options: Sequence[str], name: str, least: int = 1) -> None:
    proper = set(values) <= set(options) and list(values) == sorted(set(values)) and len(values) >= least
    if not proper:
        expected = f"at least {least} of {', '.join(options)}, in this order"
        raise ConfigurationError(f"attestation.{name}", expected, values)
