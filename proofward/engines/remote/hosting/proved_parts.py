"""The host's answer to who asks for single keys of holders: each with its path to the root in the ledger."""

from __future__ import annotations

from proofward.engines.remote.carrying.messages import FetchParts, Parts, ProvedPart
from proofward.federation.history.sharing.sealing_keys import key_objects
from proofward.federation.messages.basics.refusal import TRANSPORT, Refusal, require
from proofward.federation.parties.aggregator import Aggregator


def proved_parts(aggregator: Aggregator, request: FetchParts) -> Parts:
    """The parts; raises Refusal for objects that hold no keys of the attempt under way, or are not there."""
    known, wholes, place = key_objects(aggregator.history), [], request.place
    for digest in request.objects:
        whole = known.get(digest)
        require(whole is not None, "object", TRANSPORT, "keys of the attempt under way", digest)
        assert whole is not None
        require(place < whole.number, "object-part", TRANSPORT, f"one of {whole.number} parts", place)
        wholes.append(whole)
    found = []
    for whole, part in zip(wholes, aggregator.ledger.objects.parts(wholes, place), strict=True):
        if part is None:
            raise Refusal("object-missing", TRANSPORT, whole.digest.hex(), "nothing")
        found.append(ProvedPart(part.data, part.path))
    return Parts(tuple(found))
