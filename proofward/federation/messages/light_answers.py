"""What the host answers a hospital that follows heads: the newest one that enough verifiers have signed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

from proofward.encoding import Length, blanked, encode
from proofward.federation.messages.basics.field_types import Count, Digest, Name, Signature
from proofward.federation.messages.basics.refusal import TRANSPORT, Refusal, describe
from proofward.federation.messages.consortium.rules import Rules
from proofward.federation.messages.records.heads import MAX_HEAD_BYTES, MAX_VIEW_BYTES, Word
from proofward.federation.messages.wire import Entry, parse
from proofward.lattice.parameters import MAX_MEMBERS
from proofward.lattice.sealing import PUBLIC_KEY_BYTES
from proofward.ledger.errors import SignatureInvalid
from proofward.ledger.keys import PublicKey, SigningKey, sign, verify

_CONTEXT = b"proofward/light-answer/v1"


@dataclass(frozen=True)
class Wanted:
    """What a member asks the host for: what follows the first `known` entries.

    light: as a head; otherwise all entries
    """

    light: bool
    known: int


@dataclass(frozen=True)
class LightAnswer:
    """Head and view for one hospital that knows the ledger's first `known` entries.

    heard: the hospital's latest recorded messages by kind as the host has them now, so that it repeats none;
        only the host says so
    ended: whether verifiers have voted for an end, and it has come; all entries show it
    head: canonical bytes of a Head, b"" where there is none that is newer; then the rest is empty
    view, place, path: canonical bytes of the hospital's View, and its inclusion under the head's `views`
    consistency: of the ledger of `known` entries with that of the head
    signers, signatures: places of verifiers among those of the rules, ascending, and theirs of the head
    rotations: envelopes in which verifiers have changed their keys since the known head
    sealing: what the present holders have published for this hospital, by holder, ascending, in phase UPLOAD
    checkpoint: the host's signed checkpoint of the head's ledger
    """

    kind: ClassVar[str] = "light-answer"
    hospital: Name
    known: Count
    heard: Annotated[tuple[Word, ...], Length(0, 64)] = ()
    ended: bool = False
    head: Annotated[bytes, Length(0, MAX_HEAD_BYTES)] = b""
    view: Annotated[bytes, Length(0, MAX_VIEW_BYTES)] = b""
    place: Count = 0
    path: Annotated[tuple[Digest, ...], Length(0, 64)] = ()
    consistency: Annotated[tuple[Digest, ...], Length(0, 64)] = ()
    signers: Annotated[tuple[Count, ...], Length(0, MAX_MEMBERS)] = ()
    signatures: Annotated[tuple[Signature, ...], Length(0, MAX_MEMBERS)] = ()
    rotations: Annotated[tuple[Entry, ...], Length(0, MAX_MEMBERS)] = ()
    sealing: Annotated[
        tuple[Annotated[bytes, Length(0, PUBLIC_KEY_BYTES)], ...], Length(0, MAX_MEMBERS)
    ] = ()
    checkpoint: Annotated[bytes, Length(0, 1 << 16)] = b""
    signature: Annotated[bytes, Length(0, 64)] = b""


def sign_answer(answer: LightAnswer, key: SigningKey, rules: Rules) -> bytes:
    """The bytes of an answer with the aggregator's signature, over consortium and all other fields."""
    unsigned = rules.digest + encode(replace(answer, signature=b""))
    return encode(replace(answer, signature=sign(unsigned, key, _CONTEXT)))


def open_answer(data: bytes, rules: Rules) -> LightAnswer:
    """Parses and authenticates an answer; raises Refusal, for which nobody but the network is to blame."""
    answer = parse(LightAnswer, data)
    aggregator = rules.find(rules.aggregator)
    assert aggregator is not None
    unsigned = rules.digest + blanked(data, answer, "signature")
    try:
        verify(unsigned, answer.signature, PublicKey.known(aggregator.key), _CONTEXT)
    except SignatureInvalid as error:
        expected, found = f"a signature by {aggregator.name}", describe(answer.signature)
        raise Refusal("answer-signature", TRANSPORT, expected, found) from error
    return answer
