"""What a member's state machine is given to work with."""

from __future__ import annotations

from dataclasses import dataclass

from proofward.attestation.collect import Attester
from proofward.federation.history.proving.proofs import Proofs
from proofward.federation.messages.basics.clock import Clock, system_clock
from proofward.federation.messages.consortium.rules import Rules
from proofward.federation.messages.events import Observer, ignore
from proofward.federation.messages.randomness import SYSTEM, Randomness
from proofward.federation.parties.equipment.counting import CountSource, no_counts
from proofward.federation.parties.equipment.sealing import Sealer
from proofward.federation.storage.objects import ObjectSource
from proofward.federation.storage.state_store import StateStore
from proofward.ledger.objects import ObjectStore


@dataclass(frozen=True)
class Surroundings:
    """What a member is given to work with.

    `state` is its own, and `objects` gives access to the ledger's objects. What it sends is kept as files in
    `outbox`, if there is one; packets then come without attachments. `data_sheet` is what a hospital says of
    its records, in lines, `counts` what it counts in rounds that count, and `publishes_counts` whether it
    publishes its own evaluations beside the sum. `attest` gives evidence of its machine, if it has any.
    `sealer` is its key on a chain, where the rules name one.
    """

    rules: Rules
    state: StateStore
    objects: ObjectSource
    proofs: Proofs
    randomness: Randomness = SYSTEM
    clock: Clock = system_clock
    data_sheet: tuple[str, ...] = ()
    observe: Observer = ignore
    outbox: ObjectStore | None = None
    counts: CountSource = no_counts
    publishes_counts: bool = False
    attest: Attester | None = None
    sealer: Sealer | None = None
