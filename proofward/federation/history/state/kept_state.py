"""What is kept of a ledger's entries: the fields of a state, all of which `saved.fields` writes."""

from __future__ import annotations

from typing import ClassVar

from proofward.federation.history.state.beacon_state import BeaconState
from proofward.federation.history.state.round_outcome import RoundOutcome
from proofward.federation.history.state.round_state import Recorded, RoundState
from proofward.federation.history.state.rounds_kept import Rounds
from proofward.federation.history.state.signed_heads import HeadsSaid
from proofward.federation.history.state.votes import Votes
from proofward.federation.messages.consortium.rules import Member, Rules
from proofward.federation.messages.records.catalogue import (
    AdmissionVote,
    Attendance,
    Attestation,
    AttestationVerdict,
    ChainKeySaid,
    EndVote,
    Enrolment,
    EnrolmentVerdict,
    FederationEnded,
    MessageRefused,
    RevocationVote,
    RoundSeal,
)
from proofward.federation.storage.log_tree import LogTree, Roots


class KeptState:
    """Fields to read; `History.apply` changes them.

    roots, clocks: Merkle root and ledger's clock of the first n entries, for every n
    latest: the latest time of any entry
    slots, said: digest of the envelope, and of what it says, by what it speaks on
    model: that the next attempt starts from; b"" before the first one is drawn
    beacon: of the round under way, or of the next one; b"" before the first
    eligible: hospitals that had enrolled before that beacon could be known
    drawable: of whom the draws of the round that opens next are made, see `fix_draws`
    validation_beacons: of each hospital the first one that could not be known when it enrolled: it draws the
        validation part
    noise_roots: keyed (round, hospital), of the secret words of its noise in each attempt of the round
    left_out: hospitals that take no further part in the round under way
    abandoned: digests of the accepted sets that were given up
    releases: how many releases of the privacy budget each hospital has spent by its consents
    own_counts: digests of what hospitals have published of their own counts, keyed (round, hospital)
    lasting: digests of objects that are kept in any case, see `ephemeral`; disputed: of sealed shares that a
        complaint is about
    keys: every member's present key; used_keys: whose each key is or was
    revoked: by name, the number of the entry from which on a member is
    revocation_votes: keyed (sender, member); admission_votes: keyed (sender, member, key)
    admitted: hospitals that the rules do not name, with the key that was voted for
    admitted_in: (round, name) of each
    attestations: keyed (member, key); attestation_verdicts: by the digest of the attestation and by sender
    chain_keys: of the members with a seat on a chain, in the order recorded; seals: keyed (round, sender)
    outcomes: of rounds, as they are sealed for a chain; empty where the rules name none
    words: by hospital and kind, on what it has spoken last, and the digest of what it said
    heads: see there
    end_votes: keyed (sender, at once); ended: the last entry, where the federation was ended by vote
    ends: how long everything was that only grows, first at the beginning, then when each round was closed
    chapters: digests of what it had grown by, as far as somebody has asked, see `chapters`
    snapshot: where heads name it, the state's digest after the last closed round, and the size then
    core: the bytes with this digest, where this process has made them
    """

    growing: ClassVar[tuple[str, ...]] = (
        "noise_roots", "own_counts", "outcomes", "proofs", "lasting", "disputed", "seals", "refused_in",
        "head_digests", "key_changes",
    )  # fmt: skip
    """Beside what there is of every entry; keyed by insertion, and never changed otherwise."""

    def __init__(self, rules: Rules, phase: str) -> None:
        self.rules = rules
        self.phase = phase
        self.tree = LogTree()
        self.roots = Roots(self.tree)
        self.clocks: list[int] = [0]
        self.latest = 0
        self.recorded: dict[bytes, int] = {}
        self.slots: dict[tuple[str, ...], bytes] = {}
        self.said: dict[tuple[str, ...], bytes] = {}
        self.enrolments: dict[str, Recorded[Enrolment]] = {}
        self.attendances: dict[str, Recorded[Attendance]] = {}
        self.enrolment_verdicts: Votes[tuple[str, str], EnrolmentVerdict] = Votes()
        self.enrolled: dict[str, int] = {}
        self.dataset_roots: dict[str, bytes] = {}
        self.validation_beacons: dict[str, bytes] = {}
        self.noise_roots: dict[tuple[int, str], tuple[bytes, ...]] = {}
        self.eligible: frozenset[str] = frozenset()
        self.drawable: frozenset[str] = frozenset()
        self.sharing = BeaconState()
        self.model = rules.initial_model
        self.server_state: tuple[bytes, ...] = ()
        self.beacon = b""
        self.current: RoundState | None = None
        self.earlier = Rounds()
        self.left_out: frozenset[str] = frozenset()
        self.abandoned: set[bytes] = set()
        self.releases: dict[str, int] = {}
        self.closed = Rounds()
        self.proofs: dict[bytes, tuple[str, int]] = {}
        self.own_counts: dict[tuple[int, str], bytes] = {}
        self.lasting: dict[bytes, None] = {rules.initial_model: None}
        self.disputed: dict[bytes, None] = {}
        self.refused_in: list[tuple[int, MessageRefused]] = []
        self.keys: dict[str, bytes] = {member.name: member.key for member in rules.members}
        self.used_keys: dict[bytes, str] = {member.key: member.name for member in rules.members}
        self.chain_keys: dict[str, Recorded[ChainKeySaid]] = {}
        self.outcomes: dict[int, RoundOutcome] = {}
        self.seals: dict[tuple[int, str], RoundSeal] = {}
        self.words: dict[str, dict[str, tuple[tuple[str, ...], bytes]]] = {}
        self.heads = HeadsSaid()
        self.revocation_votes: dict[tuple[str, str], RevocationVote] = {}
        self.end_votes: dict[tuple[str, bool], EndVote] = {}
        self.ended: FederationEnded | None = None
        self.revoked: dict[str, int] = {}
        self.revoked_in: list[tuple[int, str]] = []
        self.admission_votes: dict[tuple[str, str, bytes], AdmissionVote] = {}
        self.attestations: dict[tuple[str, bytes], Recorded[Attestation]] = {}
        self.attestation_verdicts: dict[bytes, dict[str, AttestationVerdict]] = {}
        self.admitted: dict[str, Member] = {}
        self.admitted_in: list[tuple[int, str]] = []
        start = {name: len(getattr(self, name)) for name in self.growing}
        self.ends: list[dict[str, int]] = [{"entries": 0, "earlier": 0, **start}]
        self.chapters: list[bytes] = []
        self.snapshot: tuple[bytes, int] = (b"", 0)
        self.core = b""

    @property
    def head_digests(self) -> dict[int, bytes]:
        """Of all heads, by size."""
        return self.heads.digests

    @property
    def key_changes(self) -> list[tuple[int, bytes]]:
        """Of verifiers, see `HeadsSaid`."""
        return self.heads.rotations
