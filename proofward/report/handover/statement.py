"""A statement about the final model, as in-toto and DSSE have them, signed by members.

    payload     in-toto Statement v1: the model's digest as subject, the rounds' outcome as predicate
    signature   by a member's Ed25519 key over "DSSEv1" SP length SP type SP length SP payload

The payload follows from the ledger, so members sign the same bytes, each at its own site. It has no line
feed, which the text of a signed note has, and it does not begin as what members sign in the ledger: one key
may sign all three. Sources: in-toto Attestation Framework, Statement v1; secure-systems-lab/dsse, protocol 1.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from proofward.federation.history.history import History
from proofward.federation.history.state.history_state import CLOSED
from proofward.ledger.keys import PublicKey, SigningKey

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE, PREDICATE_TYPE = "https://in-toto.io/Statement/v1", "urn:proofward:rounds:v1"
MAX_STATEMENT = 1 << 24
WEIGHTS = "weights"
Json = dict[str, Any]


class StatementInvalid(ValueError):
    """A statement that is none, or not what the ledger gives: what is expected, what was found."""

    def __init__(self, expected: str, actual: str) -> None:
        super().__init__(f"statement: expected {expected}, found {actual}")


def payload_of(history: History, files: Mapping[str, bytes]) -> bytes:
    """The statement about the last model and files that it was exported to; raises StatementInvalid."""
    if history.phase != CLOSED or not history.trained:
        raise StatementInvalid("a federation that has ended with a model", f"one in phase {history.phase}")
    if WEIGHTS in files:
        raise StatementInvalid(f"another file name than {WEIGHTS}, which is the model itself", WEIGHTS)
    exported = {name: hashlib.sha256(data).digest() for name, data in files.items()}
    digests = {WEIGHTS: history.model, **exported}
    rounds = [
        {
            "round": state.number,
            "trained": history.rules.counting_in(state.number) is None,
            "hospitals": list(state.accepted.record.hospitals if state.accepted else ()),
            "records": state.aggregate.record.total_rows if state.aggregate else 0,
            "base_model": state.model.hex(),
            "model": state.aggregate.record.model.hex() if state.aggregate else "",
            "update_sum": state.aggregate.record.update_sum.hex() if state.aggregate else "",
        }
        for state in history.closed
    ]
    told = {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": name, "digest": {"sha256": own.hex()}} for name, own in digests.items()],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "federation": history.rules.federation,
            "consortium": history.rules.digest.hex(),
            "ledger": {"size": history.size, "root": history.root.hex()},
            "rounds": rounds,
        },
    }
    return json.dumps(told, sort_keys=True, separators=(",", ":")).encode()


def signed_bytes(payload: bytes) -> bytes:
    """What is signed: the pre-authentication encoding of DSSE."""
    kind = PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def sealed_statement(payload: bytes, keys: Sequence[SigningKey], earlier: Sequence[Json] = ()) -> str:
    """The envelope's text, with the signatures of these keys and earlier ones, each key's once."""
    made = [
        {"keyid": key.public.fingerprint, "sig": _text(key.sign_raw(signed_bytes(payload)))} for key in keys
    ]
    fresh = {signature["keyid"] for signature in made}
    kept = [signature for signature in earlier if signature["keyid"] not in fresh]
    told = {"payloadType": PAYLOAD_TYPE, "payload": _text(payload), "signatures": [*kept, *made]}
    return json.dumps(told, indent=1) + "\n"


def is_statement(beginning: bytes) -> bool:
    """Whether a file begins as an envelope of DSSE."""
    return beginning.lstrip()[:1] == b"{" and b"payload" in beginning


def opened_statement(text: str) -> tuple[bytes, list[Json]]:
    """Payload and signatures of an envelope, not checked; raises StatementInvalid."""
    try:
        told = json.loads(text)
        if told["payloadType"] != PAYLOAD_TYPE:
            raise StatementInvalid(f"a payload of type {PAYLOAD_TYPE}", str(told["payloadType"])[:80])
        signatures = [
            {"keyid": str(one["keyid"]), "sig": _text(_bytes(one["sig"]))} for one in told["signatures"]
        ]
        return _bytes(told["payload"]), signatures
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        if isinstance(error, StatementInvalid):
            raise
        raise StatementInvalid("an envelope of DSSE", f"{type(error).__name__}: {error}"[:120]) from None


def signers(history: History, text: str, files: Mapping[str, bytes]) -> list[str]:
    """Members, none of them revoked, whose signatures a statement has, ascending.

    Raises StatementInvalid unless the payload is what the ledger gives of the model and these files, and each
    signature is one of a member's present key, whose only one it is.
    """
    payload, signatures = opened_statement(text)
    names = _subjects(payload) - {WEIGHTS}
    own = payload_of(history, {name: data for name, data in files.items() if name in names})
    if unread := sorted(names - set(files)):
        raise StatementInvalid(f"the files {', '.join(unread)} to compare", "none of them: give --model")
    if payload != own:
        raise StatementInvalid("what the ledger gives of its rounds and its model", "another statement")
    known = {PublicKey(key).fingerprint: (name, PublicKey(key)) for name, key in history.keys.items()}
    found = []
    for signature in signatures:
        name, key = known.get(signature["keyid"], ("", None))
        if key is None or not key.verify_raw(signed_bytes(payload), _bytes(signature["sig"])):
            raise StatementInvalid("signatures of members", f"another under {signature['keyid'][:16]}")
        if name in found:
            raise StatementInvalid("one signature of each member", f"several of {name}")
        found.append(name)
    found = list(history.active(found))
    if not found:
        raise StatementInvalid("a member's signature", "none")
    return sorted(found)


def _subjects(payload: bytes) -> set[str]:
    """The names of what a statement is about."""
    try:
        return {str(one["name"]) for one in json.loads(payload)["subject"]}
    except (ValueError, KeyError, TypeError, RecursionError):
        raise StatementInvalid("a statement with subjects", "none") from None


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise StatementInvalid("base64", str(error)) from None
