# pragma version 0.4.3
"""
@title The verifiers' seats, and what they seal
@notice A seat is the key of one verifier: an address (secp256k1) if it is below 2^160, else the Keccak-256 hash
        of a P-256 point. A seal is a seat's signature over EIP-712 typed data whose domain names this chain, this
        contract and the consortium. Statements count with `QUORUM` seals of distinct seats that are not lost.
"""

MAX_SEATS: constant(uint256) = 64
ADDRESSES: constant(uint256) = 2 ** 160
HALF_SECP256K1: constant(uint256) = 57896044618658097711785492504343953926418782139537452191302581570759080747168
HALF_P256: constant(uint256) = 57896044605178124381348723474703786764998477612067880171211129530534256022184
P256_VERIFY: constant(address) = 0x0000000000000000000000000000000000000100  # EIP-7951
DOMAIN_TYPE: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract,bytes32 salt)"
)
REPLACEMENT_TYPE: constant(bytes32) = keccak256(
    "Replacement(uint64 number,uint256 seat,bytes32 key,bytes32 roster)"
)

struct Seal:
    seat: uint256
    v: uint256  # 27 or 28 of secp256k1, 0 of P-256
    r: uint256
    s: uint256
    x: uint256  # the point of P-256, zero of secp256k1
    y: uint256

event SeatReplaced:
    seat: indexed(uint256)
    key: bytes32
    roster: bytes32

event Fault:
    seat: indexed(uint256)
    kind: uint256
    first: bytes32
    second: bytes32

consortium: public(immutable(bytes32))
quorum: public(immutable(uint256))
_DOMAIN: immutable(bytes32)

seats: public(DynArray[bytes32, MAX_SEATS])
gone: public(uint256)  # bit i: seat i is lost
roster: public(bytes32)  # digest of the ledger's bindings of these keys to the members' keys
replacements: public(uint64)


@deploy
def __init__(of: bytes32, needed: uint256, bindings: bytes32, keys: DynArray[bytes32, MAX_SEATS]):
    assert needed <= len(keys) and 2 * needed > len(keys), "quorum"
    seen: DynArray[bytes32, MAX_SEATS] = []
    for key: bytes32 in keys:
        assert key != empty(bytes32) and key not in seen, "seat"
        seen.append(key)
    consortium = of
    quorum = needed
    self.roster = bindings
    self.seats = keys
    _DOMAIN = keccak256(
        abi_encode(DOMAIN_TYPE, keccak256("ProofWard ledger anchor"), keccak256("1"), chain.id, self, of)
    )


@external
@view
def number_of_seats() -> uint256:
    return len(self.seats)


@external
def replace_seat(seat: uint256, key: bytes32, roster: bytes32, seals: DynArray[Seal, MAX_SEATS]):
    """
    @notice Give a seat that is not lost another key, which no seat has. A quorum seals it, once.
    """
    statement: bytes32 = keccak256(abi_encode(REPLACEMENT_TYPE, self.replacements, seat, key, roster))
    self._need_quorum(self._typed(statement), seals)
    assert not self._is_lost(seat), "seat is lost"
    assert key != empty(bytes32) and key not in self.seats, "seat"
    self.seats[seat] = key
    self.roster = roster
    self.replacements += 1
    log SeatReplaced(seat=seat, key=key, roster=roster)


@internal
@view
def _typed(statement: bytes32) -> bytes32:
    return keccak256(concat(x"1901", _DOMAIN, statement))


@internal
@view
def _is_lost(seat: uint256) -> bool:
    return (self.gone >> seat) & 1 == 1


@internal
@view
def _signed(key: bytes32, digest: bytes32, seal: Seal) -> bool:
    """
    @notice Whether this key signed the digest, in the one encoding that a signature has here.
    """
    if convert(key, uint256) < ADDRESSES:
        if (seal.v != 27 and seal.v != 28) or seal.s > HALF_SECP256K1 or seal.x | seal.y != 0:
            return False
        who: address = ecrecover(digest, seal.v, seal.r, seal.s)
        return who != empty(address) and convert(who, uint256) == convert(key, uint256)
    if seal.v != 0 or seal.s > HALF_P256 or keccak256(abi_encode(seal.x, seal.y)) != key:
        return False
    done: bool = False
    answer: Bytes[32] = b""
    done, answer = raw_call(
        P256_VERIFY,
        abi_encode(digest, seal.r, seal.s, seal.x, seal.y),
        max_outsize=32,
        is_static_call=True,
        revert_on_failure=False,
    )
    return done and len(answer) == 32 and convert(answer, uint256) == 1


@internal
@view
def _signed_by_seat(digest: bytes32, seal: Seal) -> bool:
    return not self._is_lost(seal.seat) and self._signed(self.seats[seal.seat], digest, seal)


@internal
@view
def _need_quorum(digest: bytes32, seals: DynArray[Seal, MAX_SEATS]):
    """
    @notice Every seal is that of another seat, none is lost, and there are enough.
    """
    assert len(seals) >= quorum, "quorum"
    seen: uint256 = self.gone
    for seal: Seal in seals:
        mark: uint256 = 1 << seal.seat
        assert seal.seat < MAX_SEATS and seen & mark == 0, "seat twice or lost"
        seen |= mark
        assert self._signed(self.seats[seal.seat], digest, seal), "signature"


@internal
def _lose(seat: uint256, kind: uint256, first: bytes32, second: bytes32):
    """
    @notice A seat is lost for good.
    """
    self.gone |= 1 << seat
    log Fault(seat=seat, kind=kind, first=first, second=second)
