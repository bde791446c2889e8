"""One consortium on a chain in one process: what each transaction takes, in gas and bytes."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field, replace

from round_proof import HOLDERS, THRESHOLD, digests, hospital_records

from proofward.chain.contract.artifact import anchor_artifact
from proofward.chain.contract.keccak import keccak256
from proofward.chain.contract.keys import ChainKey, Seal
from proofward.chain.contract.packing import pack_bitmap, pack_weights
from proofward.chain.contract.typed_data import (
    Checkpoint,
    Domain,
    LogCheckpoint,
    Outcome,
    Replacement,
    TypedRecord,
    Verdict,
    Weights,
)
from proofward.chain.disputes.dispute import dispute_arguments, row_dispute_arguments
from proofward.chain.disputes.receipt import Receipt, watched
from proofward.chain.nodes.evm import Done, LocalChain
from proofward.federation.messages.consortium.usual import CHAIN_KEY_KINDS, SECP256K1
from proofward.layers.networks.initial_weights import initial_weights
from proofward.ledger.merkle_log import consistency_proof, leaf_hash, node_hash, tree_root
from proofward.models import preset
from proofward.relations.proofs.prove import prove_round, verify_round
from proofward.relations.records.enrolment import EnrolmentStatement, prove_enrolment
from proofward.relations.rules.config import RoundConfig
from proofward.relations.training_rounds.round_statement import RoundStatement

SEATS = {5: (3, 2), 50: (7, 5), 500: (15, 10), 5000: (40, 27)}
"""By hospitals: seats, and how many of them are a quorum."""
CONSORTIUM, ROSTER, MODEL = (bytes([i]) * 32 for i in (1, 2, 3))
ENTRIES = 4096


def digest(*parts: object) -> bytes:
    """Any 32 bytes."""
    return hashlib.sha256(repr(parts).encode()).digest()


def tree(entries: int) -> list[list[bytes]]:
    """The levels of a log's tree."""
    levels = [[leaf_hash(b"entry %d" % i) for i in range(entries)]]
    while len(below := levels[-1]) > 1:
        levels.append([node_hash(*pair) for pair in zip(below[::2], below[1::2], strict=True)])
    return levels


@dataclass
class Consortium:
    """So many hospitals, their seats' keys and their contract; `found` has gas by transaction."""

    hospitals: int
    kinds: tuple[str, ...] = (SECP256K1,)
    found: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.seats, self.quorum = SEATS[self.hospitals]
        self.keys = [
            ChainKey(self.kinds[i % len(self.kinds)], (100 + i).to_bytes(32, "big"))
            for i in range(self.seats + 1)
        ]
        self.chain = LocalChain(p256=SECP256K1 not in self.kinds or len(self.kinds) > 1)
        self.levels, self.size, self.model = tree(ENTRIES), 0, MODEL
        *seats, log_key = [key.seat for key in self.keys]
        self.address, self.found["deploy"] = self.chain.deployed(
            anchor_artifact(), CONSORTIUM, self.quorum, ROSTER, seats, log_key, MODEL, 10000
        )
        self.domain = Domain(self.chain.chain_id, self.address, CONSORTIUM)

    def seal(self, record: TypedRecord, seat: int) -> tuple[int, ...]:
        """One seat's; the last key is the log's."""
        return Seal(seat, self.keys[seat].sign(self.domain.digest(record))).as_tuple()

    def seals(self, record: TypedRecord) -> list[tuple[int, ...]]:
        """A quorum's."""
        return [self.seal(record, seat) for seat in range(self.quorum)]

    def place(self, size: int) -> tuple[int, bytes, list[bytes]]:
        """The log at this size, which continues what is anchored."""

        def node(level: int, index: int) -> bytes:
            return self.levels[level][index]

        proof = consistency_proof(self.size, size, node)
        self.size = size
        return size, tree_root(size, node), proof

    def send(self, name: str, function: str, *arguments: object) -> Done:
        """A transaction whose gas is noted."""
        done = self.chain.transact(self.address, function, *arguments)
        self.found[name] = done.gas
        return done

    def rounds(self) -> int:
        """Weights, a checkpoint and two rounds in which everybody takes part; the bytes of the last."""
        size, root, proof = self.place(901)
        self.send("first anchor", "anchor", size, root, proof, self.seals(Checkpoint(size, root)))
        weights = [200 + 7 * i for i in range(self.hospitals)]
        packed, bitmap = pack_weights(weights), pack_bitmap(range(self.hospitals), self.hospitals)
        size, root, proof = self.place(1000)
        record = Weights(size, root, self.hospitals, keccak256(packed))
        self.send("set_weights", "set_weights", size, root, proof, self.hospitals, packed, self.seals(record))
        size, root, proof = self.place(1040)
        self.send("anchor", "anchor", size, root, proof, self.seals(Checkpoint(size, root)))
        for number, name in enumerate(("first close_round", "close_round"), start=1):
            size, root, proof = self.place(1040 + 50 * number)
            outcome = Outcome(
                size, root, keccak256(bitmap), keccak256(packed), number, 1, digest("beacon", number),
                self.model, digest("model", number), digest("ciphertexts"), digest("updates"),
                digest("verdicts"), sum(weights),
            )  # fmt: skip
            said = (outcome.as_tuple(), bitmap, packed, self.seals(outcome))
            done = self.send(name, "close_round", size, root, proof, *said)
            self.model = outcome.next_model
        return len(done.calldata)

    def faults(self) -> None:
        """A seat replaced, a seat lost, the log split."""
        new = ChainKey(SECP256K1, (99).to_bytes(32, "big")).seat
        record = Replacement(0, self.seats - 1, new, ROSTER)
        self.send("replace_seat", "replace_seat", self.seats - 1, new, ROSTER, self.seals(record))
        first = Verdict(1, 1, 3, digest("upload"), True, bytes(32), bytes(32))
        second = Verdict(1, 1, 3, digest("upload"), False, digest("finding"), bytes(32))
        both = (first.as_tuple(), second.as_tuple(), self.seal(first, 0), self.seal(second, 0))
        self.send("verdict_conflict", "verdict_conflict", *both)
        size, a, b = 2000, digest("a"), digest("b")
        sealed = [self.seal(LogCheckpoint(size, root), self.seats) for root in (a, b)]
        self.send("checkpoint_conflict", "checkpoint_conflict", size, a, b, *sealed)


def table(hospitals: int) -> dict[str, object]:
    """Everything of a consortium of this size."""
    own = Consortium(hospitals)
    calldata = own.rounds()
    own.faults()
    return {
        "hospitals": hospitals, "seats": own.seats, "quorum": own.quorum,
        "gas": own.found, "close_round_bytes": calldata,
    }  # fmt: skip


def disputes(rows: int = 90) -> dict[str, object]:
    """The two steps of the verification of a real proof of the preset wdbc, in gas and bytes of calldata."""
    setup = preset("wdbc")
    config = RoundConfig(setup.model, setup.scales, setup.training, setup.clip_bound, HOLDERS, THRESHOLD)
    records = hospital_records(setup, rows)
    enrolment = EnrolmentStatement(CONSORTIUM, "hospital", rows, setup.model.features, config)
    _, secret = prove_enrolment(enrolment, records.features, records.labels, os.urandom)
    statement = RoundStatement(
        consortium=CONSORTIUM, config=config, round=1, attempt=0, hospital="hospital", rows=rows,
        weight_shift=config.weight_shift(rows), beacon=bytes(32), dataset_root=secret.root,
        initial_weights=initial_weights(setup.model, setup.scales, b"benchmark"),
    )  # fmt: skip
    made = prove_round(statement, secret, os.urandom, digests)
    _, opened = watched(lambda: verify_round(statement, made.ciphertext, made.sealed_shares, made.proof))
    assert opened is not None
    own, honest, found = Consortium(5), Receipt.of(opened), {}
    (column, value), *others = honest.claims
    false = replace(honest, claims=((column, value ^ 1), *others))
    for name, receipt in (("a true claim", honest), ("a false claim", false)):
        for function, make in (("dispute_column", dispute_arguments), ("dispute_row", row_dispute_arguments)):
            with own.chain.undone():
                verdict = Verdict(1, 1, 3, digest("upload"), True, bytes(32), receipt.digest())
                seal = Seal(0, own.keys[0].sign(own.domain.digest(verdict)))
                done = own.send(function, function, *make(opened, receipt, 0, verdict, seal))
                assert done.answer is (receipt is false)
                found[f"{function}, {name}"] = done.gas
                found[f"{function}, bytes"] = len(done.calldata)
    rows_of_tableaux = sum(columns.shape[1] for columns in opened.columns)
    return {"proof_bytes": len(made.proof), "tableau_rows": rows_of_tableaux, "gas": found}


def kinds_of_seats() -> dict[str, int]:
    """Gas of a checkpoint that two seats of one kind seal, by kind."""
    found = {}
    for kind in CHAIN_KEY_KINDS:
        own = Consortium(5, (kind,))
        own.rounds()
        found[kind] = own.found["anchor"]
    return found
