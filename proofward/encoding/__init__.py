"""Canonical bytes: deterministic CBOR and typed, versioned records."""

from proofward.encoding.cbor import decode_item, encode_item
from proofward.encoding.errors import MalformedMessage
from proofward.encoding.records import Length, Range, blanked, decode, encode, kind_of

__all__ = [
    "Length",
    "MalformedMessage",
    "Range",
    "blanked",
    "decode",
    "decode_item",
    "encode",
    "encode_item",
    "kind_of",
]
