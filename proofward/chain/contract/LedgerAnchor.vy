# pragma version 0.4.3
# pragma evm-version prague
"""
@title Anchor of one consortium's ledger
@notice What is anchored only grows: a checkpoint has to continue the one before by an RFC 9162 consistency proof
        that is checked here, so that no quorum can rewrite it. A round is closed by the seals of a quorum over one
        outcome; weights are summed here, and no hospital has more than its share. Signatures of one seat that
        contradict each other, or a false claim about a proof's column, cost it the seat.
        There is no owner, no upgrade, no pause, and no function that takes ether. No data are stored, only hashes.
"""

import rfc9162
import seating
import column_step
import row_step

initializes: seating
exports: (
    seating.consortium,
    seating.quorum,
    seating.roster,
    seating.seats,
    seating.number_of_seats,
    seating.gone,
    seating.replacements,
    seating.replace_seat,
)

MAX_WEIGHTS: constant(uint256) = 32768  # bytes: words of five weights, 5120 hospitals
MAX_BITMAP: constant(uint256) = 640
LANES: constant(uint256) = 5
LANE_BITS: constant(uint256) = 48
LANE: constant(uint256) = 2 ** 48 - 1
NO_SEAT: constant(uint256) = max_value(uint256)

VERDICTS: constant(uint256) = 1  # the kinds of faults
CHECKPOINTS: constant(uint256) = 2
COLUMN: constant(uint256) = 3
ROW: constant(uint256) = 4

CHECKPOINT_TYPE: constant(bytes32) = keccak256("Checkpoint(uint64 size,bytes32 root)")
LOG_CHECKPOINT_TYPE: constant(bytes32) = keccak256("LogCheckpoint(uint64 size,bytes32 root)")
WEIGHTS_TYPE: constant(bytes32) = keccak256("Weights(uint64 size,bytes32 root,uint64 hospitals,bytes32 weights)")
OUTCOME_TYPE: constant(bytes32) = keccak256(
    "Outcome(uint64 size,bytes32 root,bytes32 accepted,bytes32 weights,uint64 round,uint64 attempt,bytes32 beacon,bytes32 baseModel,bytes32 nextModel,bytes32 ciphertextSum,bytes32 updateSum,bytes32 verdicts,uint64 totalWeight)"
)
VERDICT_TYPE: constant(bytes32) = keccak256(
    "Verdict(uint64 round,uint64 attempt,uint64 hospital,bytes32 upload,bool accepted,bytes32 finding,bytes32 receipt)"
)

struct Outcome:
    round: uint64
    attempt: uint64
    beacon: bytes32
    base_model: bytes32
    next_model: bytes32
    ciphertext_sum: bytes32
    update_sum: bytes32
    verdicts: bytes32
    total_weight: uint64

struct Verdict:
    round: uint64
    attempt: uint64
    hospital: uint64
    upload: bytes32
    accepted: bool
    finding: bytes32
    receipt: bytes32

event Anchored:
    size: indexed(uint64)
    root: bytes32

event WeightsSet:
    hospitals: uint64
    weights: bytes32

event RoundClosed:
    round: indexed(uint64)
    outcome: bytes32
    accepted: bytes32
    next_model: bytes32
    total_weight: uint64

log_key: public(immutable(bytes32))
share_limit: public(immutable(uint256))  # the most that one hospital has of a total weight, in 1/10000

size: public(uint64)
root: public(bytes32)
closed: public(uint64)
model: public(bytes32)
weights: public(bytes32)  # Keccak-256 of the packed weights of all hospitals
outcomes: public(HashMap[uint64, bytes32])
log_split: public(bool)


@deploy
def __init__(
    of: bytes32,
    needed: uint256,
    bindings: bytes32,
    keys: DynArray[bytes32, seating.MAX_SEATS],
    key_of_log: bytes32,
    first_model: bytes32,
    limit: uint256,
):
    assert limit > 0 and limit <= 10000, "share"
    seating.__init__(of, needed, bindings, keys)
    log_key = key_of_log
    share_limit = limit
    self.model = first_model


@internal
def _extend(size: uint64, root: bytes32, proof: DynArray[bytes32, rfc9162.MAX_PROOF]):
    """
    @notice Take in a checkpoint that continues the last one.
    """
    assert not self.log_split, "log split"
    assert size > 0, "empty log"
    first: uint256 = convert(self.size, uint256)
    assert rfc9162._consistent(first, convert(size, uint256), self.root, root, proof), "consistency"
    self.size = size
    self.root = root
    log Anchored(size=size, root=root)


@external
def anchor(
    size: uint64, root: bytes32, proof: DynArray[bytes32, rfc9162.MAX_PROOF], seals: DynArray[seating.Seal, seating.MAX_SEATS]
):
    """
    @notice A checkpoint between rounds.
    """
    seating._need_quorum(seating._typed(keccak256(abi_encode(CHECKPOINT_TYPE, size, root))), seals)
    self._extend(size, root, proof)


@external
def set_weights(
    size: uint64,
    root: bytes32,
    proof: DynArray[bytes32, rfc9162.MAX_PROOF],
    hospitals: uint64,
    packed: Bytes[MAX_WEIGHTS],
    seals: DynArray[seating.Seal, seating.MAX_SEATS],
):
    """
    @notice The proven weights of all hospitals in the ledger's order, five of 48 bits a word; 0 is not enrolled.
    """
    count: uint256 = convert(hospitals, uint256)
    words: uint256 = (count + LANES - 1) // LANES
    assert count > 0 and len(packed) == 32 * words, "number of words"
    for i: uint256 in range(words, bound=MAX_WEIGHTS // 32):
        assert convert(extract32(packed, 32 * i), uint256) >> (LANES * LANE_BITS) == 0, "padding"
    inside: uint256 = count - LANES * (words - 1)
    assert convert(extract32(packed, 32 * (words - 1)), uint256) >> (inside * LANE_BITS) == 0, "padding"
    digest: bytes32 = keccak256(packed)
    seating._need_quorum(seating._typed(keccak256(abi_encode(WEIGHTS_TYPE, size, root, hospitals, digest))), seals)
    self._extend(size, root, proof)
    self.weights = digest
    log WeightsSet(hospitals=hospitals, weights=digest)


@external
def close_round(
    size: uint64,
    root: bytes32,
    proof: DynArray[bytes32, rfc9162.MAX_PROOF],
    o: Outcome,
    accepted: Bytes[MAX_BITMAP],
    packed: Bytes[MAX_WEIGHTS],
    seals: DynArray[seating.Seal, seating.MAX_SEATS],
):
    """
    @notice The next round's outcome, from the model in force. Its total weight is the sum over the accepted set.
    """
    assert o.round == self.closed + 1, "round"
    assert o.base_model == self.model, "model"
    digest: bytes32 = keccak256(packed)
    assert digest == self.weights, "weights"
    words: uint256 = len(packed) // 32
    assert len(accepted) == 32 * ((words * LANES + 255) // 256), "length of the bitmap"
    total: uint256 = 0
    largest: uint256 = 0
    bits: uint256 = 0
    at: uint256 = 0
    for i: uint256 in range(words, bound=MAX_WEIGHTS // 32):
        rest: uint256 = convert(extract32(packed, 32 * i), uint256)
        for lane: uint256 in range(LANES):
            if at & 255 == 0:
                bits = convert(extract32(accepted, at >> 3), uint256)
            if bits & 1 == 1:
                weight: uint256 = rest & LANE
                assert weight != 0, "not enrolled"
                total = unsafe_add(total, weight)
                largest = max(largest, weight)
            bits >>= 1
            rest >>= LANE_BITS
            at = unsafe_add(at, 1)
    assert bits == 0, "surplus bits"
    assert total != 0 and total == convert(o.total_weight, uint256), "total weight"
    assert largest * 10000 <= total * share_limit, "one hospital's share"
    members: bytes32 = keccak256(accepted)
    outcome: bytes32 = keccak256(abi_encode(OUTCOME_TYPE, size, root, members, digest, o))
    seating._need_quorum(seating._typed(outcome), seals)
    self._extend(size, root, proof)
    self.closed = o.round
    self.model = o.next_model
    self.outcomes[o.round] = outcome
    log RoundClosed(
        round=o.round, outcome=outcome, accepted=members, next_model=o.next_model, total_weight=o.total_weight
    )


@external
@view
def includes(entry: Bytes[rfc9162.MAX_ENTRY], index: uint64, proof: DynArray[bytes32, rfc9162.MAX_PROOF]) -> bool:
    """
    @notice Whether the entry is in the anchored ledger at this index.
    """
    return rfc9162._included(entry, convert(index, uint256), convert(self.size, uint256), self.root, proof)


@internal
@view
def _verdict(verdict: Verdict) -> bytes32:
    return seating._typed(keccak256(abi_encode(VERDICT_TYPE, verdict)))


@external
def verdict_conflict(a: Verdict, b: Verdict, first: seating.Seal, second: seating.Seal):
    """
    @notice Two verdicts of one seat on one upload that differ cost it the seat.
    """
    assert a.round == b.round and a.attempt == b.attempt, "subject"
    assert a.hospital == b.hospital and a.upload == b.upload, "subject"
    assert first.seat == second.seat, "seat"
    one: bytes32 = self._verdict(a)
    other: bytes32 = self._verdict(b)
    assert one != other, "alike"
    assert seating._signed_by_seat(one, first) and seating._signed_by_seat(other, second), "signature"
    seating._lose(first.seat, VERDICTS, one, other)


@external
def checkpoint_conflict(size: uint64, a: bytes32, b: bytes32, first: seating.Seal, second: seating.Seal):
    """
    @notice Two roots of one size under the log's key: the ledger was split, and nothing is anchored any more.
    """
    assert log_key != empty(bytes32), "no key of the log"
    assert a != b, "alike"
    one: bytes32 = seating._typed(keccak256(abi_encode(LOG_CHECKPOINT_TYPE, size, a)))
    other: bytes32 = seating._typed(keccak256(abi_encode(LOG_CHECKPOINT_TYPE, size, b)))
    assert seating._signed(log_key, one, first) and seating._signed(log_key, other, second), "signature"
    self.log_split = True
    log seating.Fault(seat=NO_SEAT, kind=CHECKPOINTS, first=one, second=other)


@external
def dispute_column(verdict: Verdict, seal: seating.Seal, receipt: column_step.Receipt, opening: column_step.Opening) -> bool:
    """
    @notice One step of a proof's verification, executed: a column of all tableaux is in the committed trees, and
            combines to the value that the verdict's receipt claims. A column that is not in the trees reverts. A
            false claim costs the seat that signed it; a true one changes nothing, and the answer is False.
    """
    digest: bytes32 = self._verdict(verdict)
    assert seating._signed_by_seat(digest, seal), "signature"
    assert column_step._digest(receipt) == verdict.receipt, "receipt"
    if column_step._holds(receipt, opening):
        return False
    seating._lose(seal.seat, COLUMN, digest, verdict.receipt)
    return True


@external
def dispute_row(
    verdict: Verdict,
    seal: seating.Seal,
    receipt: column_step.Receipt,
    column: uint256,
    claim: uint256,
    position: uint256,
    claims_path: DynArray[bytes32, column_step.MAX_CLAIMS_DEPTH],
    row: Bytes[row_step.MAX_ROW],
) -> bool:
    """
    @notice The other side of an accepting verdict, executed: the combined row that its receipt names has the claimed
            value at a column. A false claim costs the seat that accepted; a true one changes nothing, and the answer
            is False. A verdict that refuses has not said that the two sides agree.
    """
    digest: bytes32 = self._verdict(verdict)
    assert verdict.accepted, "refused"
    assert seating._signed_by_seat(digest, seal), "signature"
    assert column_step._digest(receipt) == verdict.receipt, "receipt"
    assert column_step._claims_root(column, claim, position, claims_path) == receipt.claims, "claim"
    if row_step._agrees(receipt, column, claim, row):
        return False
    seating._lose(seal.seat, ROW, digest, verdict.receipt)
    return True
