"""The folder of a run: what is public and what is not, identities, and the consortium's rules.

RUN/ledger/             log, objects, seal: all that an audit needs
RUN.private/<name>/     identity and private state of a party, mode 0700

Nothing secret lies in RUN: that is the folder which is handed over. What goes on with a run needs both.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from proofward.attestation.policy import Policy
from proofward.federation.messages.basics.clock import Clock, repeatable_clock, system_clock
from proofward.federation.messages.basics.values import integers_to_bytes
from proofward.federation.messages.consortium.chain_terms import ChainTerms
from proofward.federation.messages.consortium.committees import Committees
from proofward.federation.messages.consortium.declarations import NOTHING_DECLARED, Declarations
from proofward.federation.messages.consortium.rules import AGGREGATOR, HOSPITAL, VERIFIER, Member, Rules
from proofward.federation.messages.consortium.scaling import PLAIN, Scaling
from proofward.federation.messages.consortium.usual import usual_abandonments
from proofward.federation.messages.randomness import Randomness, SeededRandomness, SystemRandomness
from proofward.ledger.database import FILE_NAME
from proofward.ledger.files import make_directory
from proofward.ledger.keys import SigningKey
from proofward.relations.rules.config import RoundConfig
from proofward.relations.rules.counting import Counting
from proofward.relations.scores.stopping import Stopping

PRIVATE_SUFFIX = ".private"


class StatesMissing(Exception):
    """A run is to go on without the private states of its parties: which are missing, and what to do."""


def private_of(directory: Path) -> Path:
    """Where the private states of a run's parties are: beside its folder."""
    whole = Path(os.path.abspath(directory))
    return whole.with_name(whole.name + PRIVATE_SUFFIX)


@dataclass(frozen=True)
class Plan:
    """What a consortium agrees on, before keys exist.

    Attributes:
        federation: The title of the federation.
        hospitals: The names of the hospitals.
        verifiers: The names of the verifiers, hospitals among them or not.
        accepting_verdicts: How many verifiers have to accept a proof.
        minimum_updates: The smallest number of updates in a sum.
        rounds: How many rounds there are.
        config: The rules of every round.
        initial_weights: The weights of a trusted first model, flat int64 (parameters,) at scale fw. None for
            one that the members draw.
        abandonments: How many hospitals give up a round together. All but one where it is None.
        aggregator: The name of the party that runs the ledger.
        declarations: What the consortium says of itself, see Declarations.
        counting: What is counted in which rounds, see Rules.
        stopping: When training ends early, see Rules.
        attestation: What is asked of evidence about members' machines, see Rules.
        chain: Where the ledger is anchored and who seals, see Rules.
        committees: Who holds shares and who judges proofs, see Rules.
        scaling: How sums are checked, see Rules.
    """

    federation: str
    hospitals: Sequence[str]
    verifiers: Sequence[str]
    accepting_verdicts: int
    minimum_updates: int
    rounds: int
    config: RoundConfig
    initial_weights: NDArray[np.int64] | None = None
    abandonments: int | None = None
    aggregator: str = "aggregator"
    declarations: Declarations = NOTHING_DECLARED
    counting: tuple[Counting, ...] = ()
    stopping: Stopping | None = None
    attestation: Policy | None = None
    chain: ChainTerms | None = None
    committees: Committees | None = None
    scaling: Scaling = PLAIN

    @property
    def initial_model(self) -> bytes:
        """The trusted first model object, b"" where there is none."""
        return b"" if self.initial_weights is None else integers_to_bytes(self.initial_weights)


class RunFolder:
    """Paths and identities of a run; everything is created on first use and found again after a restart."""

    def __init__(self, directory: Path, seed: bytes | None = None) -> None:
        """With a seed, keys and all other randomness are repeatable: for tests and benchmarks only."""
        self.directory = directory
        self.seed = seed

    @property
    def ledger(self) -> Path:
        """Folder of the ledger."""
        return self.directory / "ledger"

    @property
    def private(self) -> Path:
        """Folder of all that is secret, created with mode 0700."""
        path = private_of(self.directory)
        if not path.is_dir():
            make_directory(path)
            path.chmod(0o700)
        return path

    def party(self, name: str) -> Path:
        """Private folder of a party, created with mode 0700."""
        path = self.private / name
        make_directory(path)
        path.chmod(0o700)
        return path

    def randomness(self, name: str) -> Randomness:
        """A party's source of randomness."""
        return SystemRandomness() if self.seed is None else SeededRandomness(self.seed, name)

    def clock(self, name: str) -> Clock:
        """A party's clock; a run with a seed has one time."""
        return system_clock if self.seed is None else repeatable_clock

    def key(self, name: str, *, added: bool = False) -> SigningKey:
        """A party's signing key, made and saved if there is none and the run has not begun.

        `added` is for a hospital that comes when it has. Raises StatesMissing.
        """
        path = self.party(name) / "identity.key"
        if not path.exists():
            if not added and (self.ledger / FILE_NAME).exists():
                words = f"the run in {self.directory} has begun, and {path} is not there: it goes on only"
                raise StatesMissing(f"{words} with the parties' states: put them back, or choose another")
            SigningKey.generate(self.randomness(name).source("identity", b"")).save(path)
        return SigningKey.load(path)

    def rules(self, plan: Plan) -> Rules:
        """The rules that follow from a plan and the parties' keys."""
        roles = [(plan.aggregator, AGGREGATOR)]
        roles += [(name, HOSPITAL) for name in plan.hospitals] + [(name, VERIFIER) for name in plan.verifiers]
        members = sorted(
            (Member(name, role, self.key(name).public.raw) for name, role in roles), key=lambda m: m.name
        )
        return Rules(
            federation=plan.federation,
            members=tuple(members),
            accepting_verdicts=plan.accepting_verdicts,
            minimum_updates=plan.minimum_updates,
            rounds=plan.rounds,
            config=plan.config,
            abandonments=plan.abandonments or usual_abandonments(len(plan.hospitals)),
            counting=plan.counting,
            stopping=plan.stopping,
            attestation=plan.attestation,
            chain=plan.chain,
            committees=plan.committees,
            scaling=plan.scaling,
            initial_model=hashlib.sha256(plan.initial_model).digest() if plan.initial_model else b"",
            declarations=plan.declarations,
        )
