"""State of a federation after the ledger's entries so far, and what the next ones have to name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from proofward.federation.history.state.kept_state import KeptState
from proofward.federation.history.state.round_state import Recorded, RoundState, enrolment_root
from proofward.federation.messages.basics.refusal import Refusal
from proofward.federation.messages.consortium.rules import Member, Rules
from proofward.federation.messages.envelope import Envelope
from proofward.federation.messages.records.catalogue import Attendance, Enrolment, MessageRefused
from proofward.federation.messages.records.heads import CountedRound
from proofward.relations.rules.counting import NO_DATASET, Counting

BEFORE, ENROLMENT, BETWEEN, CLOSED = "before", "enrolment", "between rounds", "closed"
DEAL, VOUCH, REVEAL = "deal", "vouch", "reveal"
KEYS, UPLOAD, VERIFY, SHARES = "keys", "upload", "verify", "shares"
CONSENT, LOCK, UNMASK, ABANDON, CONFIRM = "consent", "lock", "unmask", "abandon", "confirm"
BEACON_PHASES = (DEAL, VOUCH, REVEAL)
ROUND_PHASES = (KEYS, UPLOAD, VERIFY, SHARES, CONSENT, LOCK, UNMASK, ABANDON, CONFIRM)
ANY_PHASE = (ENROLMENT, *BEACON_PHASES, BETWEEN, *ROUND_PHASES)

Check = Callable[["HistoryState", str, Any], None]
Apply = Callable[["HistoryState", Envelope, Any], None]


@dataclass(frozen=True)
class Step:
    """Who may send a kind of message, in which phases, what is checked, and what it changes."""

    roles: tuple[str, ...]
    phases: tuple[str, ...]
    check: Check
    apply: Apply


class HistoryState(KeptState):
    """State after the entries applied so far, and what follows from it."""

    def __init__(self, rules: Rules) -> None:
        super().__init__(rules, BEFORE)

    @property
    def size(self) -> int:
        """Number of entries."""
        return self.tree.size

    @property
    def root(self) -> bytes:
        """Merkle root of all entries."""
        return self.roots[-1]

    @property
    def round(self) -> RoundState:
        """The round under way; a Refusal when there is none."""
        if self.current is None:
            raise Refusal("phase", self.rules.aggregator, "a round under way", self.phase)
        return self.current

    @property
    def total_rows(self) -> int:
        """Number of records behind the accepted set."""
        accepted = self.round.accepted
        return sum(self.enrolled[name] for name in accepted.record.hospitals) if accepted else 0

    @property
    def counting(self) -> Counting | None:
        """What the round under way counts; None if it trains."""
        return self.rules.counting_in(self.round.number)

    def attempts(self, number: int) -> list[RoundState]:
        """All attempts of a closed round."""
        start, stop = (self.ends[place]["earlier"] for place in (number - 1, number))
        return [*self.earlier[start:stop], self.closed[number - 1]]

    @property
    def trained(self) -> list[RoundState]:
        """The closed rounds that have trained."""
        return [state for state in self.closed if self.rules.counting_in(state.number) is None]

    def counted_rounds(self) -> list[CountedRound]:
        """The closed rounds that have counted."""
        return [
            CountedRound(state.number, state.aggregate.record.update_sum, state.model)
            for number in range(1, len(self.closed) + 1)
            if self.rules.counting_in(number) is not None
            and (state := self.closed[number - 1]).aggregate is not None
        ]

    def accepted_in(self, number: int) -> tuple[str, ...]:
        """The hospitals in the sum of a closed round."""
        accepted = self.closed[number - 1].accepted
        return () if accepted is None else accepted.record.hospitals

    def rows_of(self, name: str) -> int:
        """With how many records a hospital has joined."""
        return self.joined[name].record.rows

    @property
    def all_rows(self) -> list[int]:
        """With how many records each hospital has joined that has."""
        return [own.record.rows for own in self.joined.values()]

    @property
    def refusals(self) -> list[MessageRefused]:
        """Recorded refusals, in order."""
        return [refusal for _, refusal in self.refused_in]

    def find(self, name: str) -> Member | None:
        """The member of that name, with its first key: named by the rules, or admitted."""
        return self.rules.find(name) or self.admitted.get(name)

    @property
    def hospitals(self) -> tuple[str, ...]:
        """All hospitals, ascending: those that the rules name, and those admitted."""
        return tuple(sorted((*self.rules.hospitals, *self.admitted)))

    @property
    def dealers(self) -> tuple[str, ...]:
        """Who may share a key in the present attempt: hospitals of the rules, then others that take part.

        A holder publishes one sealing key for each, in this order.
        """
        others = {name for name in self.round.participants if self.rules.find(name) is None}
        return (*self.rules.hospitals, *sorted(others))

    def dealer_place(self, name: str) -> int:
        """The place of the key for a dealer among those that a holder publishes."""
        return self.dealers.index(name)

    @property
    def committee(self) -> tuple[str, ...]:
        """Who holds the shares of keys in the round under way, ascending."""
        return self.round.committee

    def place(self, holder: str) -> int:
        """Index of a holder in the round under way: its share is that of this place."""
        return self.round.committee.index(holder)

    def holding(self, names: Iterable[str]) -> tuple[str, ...]:
        """Those of `names` that hold shares in the round under way, ascending."""
        return tuple(sorted(set(names) & set(self.round.committee)))

    def active(self, names: Iterable[str]) -> tuple[str, ...]:
        """Those of `names` that are not revoked, ascending."""
        return tuple(sorted(name for name in names if name not in self.revoked))

    def acceptable_enrolments(self) -> dict[str, bytes]:
        """Dataset roots, by name, of the hospitals whose enrolment has a quorum of accepting verdicts.

        Where all rounds count, there are no datasets, and all that attend. Revoked hospitals are left out.
        """
        if self.rules.counts_only:
            return dict.fromkeys(self.active(self.attendances), NO_DATASET)
        return self._accepted_roots(self.enrolments)

    def _accepted_roots(self, names: Iterable[str]) -> dict[str, bytes]:
        quorum = self.rules.accepting_verdicts
        found = ((name, enrolment_root(self.enrolment_verdicts, name, quorum)) for name in self.active(names))
        return {name: root for name, root in found if root is not None}

    @property
    def joined(self) -> Mapping[str, Recorded[Enrolment] | Recorded[Attendance]]:
        """How each hospital has joined: with records, or where all rounds count without."""
        return self.attendances if self.rules.counts_only else self.enrolments

    def admit(self) -> None:
        """Makes participants of the next round of the hospitals with acceptable enrolments."""
        for name, root in self.acceptable_enrolments().items():
            if name not in self.enrolled and name in self.eligible:
                self.enrolled[name] = self.rows_of(name)
                self.dataset_roots[name] = root

    def fix_draws(self) -> None:
        """Fixes of whom the next beacon draws holders and judges, while nobody can know that beacon.

        Hospitals that the rules name and that are accepted by now, and verifiers. Who is revoked later is
        drawn nevertheless, and its place stays empty: nobody can put others in the place of honest members.
        """
        late = self._accepted_roots(set(self.enrolments) - set(self.enrolled))
        hospitals = self.rules.holders_among({*self.enrolled, *late, *self.attendances})
        self.drawable = frozenset(self.active((*hospitals, *self.rules.verifiers)))

    def draw_validation_parts(self) -> None:
        """The beacon of the round that opens draws the part of whoever enrolled before it could be known."""
        for name in sorted(self.eligible):
            self.validation_beacons.setdefault(name, self.beacon)

    def most_rows(self, state: RoundState) -> int:
        """Records of an attempt's participant that has most."""
        rows = (self.enrolled[name] for name in state.participants if name in self.enrolled)
        return max(rows, default=0)

    def has_refused(self, evidence: bytes) -> bool:
        """Whether a message with these bytes is recorded as refused."""
        return any(refusal.evidence == evidence for refusal in self.refusals)

    def position(self) -> tuple[int, int]:
        """(round, attempt) that messages have to name now; (0, 0) before the first round."""
        return (self.current.number, self.current.attempt) if self.current else (len(self.closed), 0)

    def opening(self) -> tuple[int, int, tuple[str, ...]]:
        """(round, attempt, participants) of the round or attempt that has to be opened next."""
        if self.current is None:
            late = self.eligible & set(self.acceptable_enrolments())
            number, attempt, names = len(self.closed) + 1, 0, {*self.enrolled, *late, *self.rules.verifiers}
        else:
            number, attempt = self.current.number, self.current.attempt + 1
            names = set(self.current.participants) - self.left_out - self.current.gone()
        return number, attempt, self.active(name for name in names if self.can_draw(name, number, attempt))

    def can_draw(self, name: str, number: int, attempt: int) -> bool:
        """Whether a member has committed to its noise of an attempt, or needs none."""
        if not self.rules.has_noise_in(number) or name in self.rules.verifiers:
            return True
        return attempt < len(self.noise_roots.get((number, name), ()))
