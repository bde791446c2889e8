"""NVIDIA GPUs: the answer of the card to a request for its measurements, signed by a key of the device.

The evidence is the request of 37 bytes and the answer, as in DMTF's SPDM 1.1; the collateral is the chain of
certificates as text, the card's first and NVIDIA's root last. The signature covers request and answer. What
the measurements have to be, NVIDIA publishes for each firmware and driver: rules name the digest of all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from cryptography import x509

from proofward.attestation.certificates import (
    CERTIFICATE,
    certificate,
    check_chain,
    check_signed_by_device,
    pem_blocks,
)
from proofward.attestation.claims import GPU, Claims
from proofward.attestation.errors import demand, in_words

REQUEST_BYTES, NONCE_BYTES, SIGNATURE_BYTES = 37, 32, 96
VERSION, GET_MEASUREMENTS, MEASUREMENTS, DMTF = 0x11, 0xE0, 0x60, 1
WITH_SIGNATURE, ALL_MEASUREMENTS = 1, 0xFF
FIRMWARE_ID = "2.23.133.5.4.1"
DRIVER, VBIOS, FWID = 3, 6, 20
HEADER_BYTES = 8


def verify(evidence: bytes, collateral: bytes, time: int, roots: Sequence[bytes]) -> Claims:
    """What the report claims; raises EvidenceRefused."""
    chain = [certificate(data) for _, data in pem_blocks(collateral, CERTIFICATE)]
    check_chain(chain, roots, time)
    record, opaque = _parts(evidence)
    _check_signature(evidence, chain[0])
    fields = dict(_fields(opaque))
    known = fields.get(FWID, b"")
    certified = _firmware(chain[0])
    same = known == certified and len(known) == 48
    demand(same, "evidence-platform", f"firmware {in_words(certified, 32)}", in_words(known, 32))
    device = {
        "driver": in_words(fields.get(DRIVER, b"").rstrip(b"\0").decode("latin-1")),
        "vbios": fields.get(VBIOS, b"").hex(),
    }
    nonce = evidence[4 : 4 + NONCE_BYTES]
    return Claims(GPU, nonce, {"blocks": hashlib.sha384(record).digest()}, device=device)


def _parts(report: bytes) -> tuple[bytes, bytes]:
    """The measurements and what the vendor adds, both of which the lengths in the answer have to fit."""
    least = REQUEST_BYTES + HEADER_BYTES + NONCE_BYTES + 2 + SIGNATURE_BYTES
    demand(len(report) >= least, "evidence-format", f"at least {least} bytes", len(report))
    asked = bytes((VERSION, GET_MEASUREMENTS, WITH_SIGNATURE, ALL_MEASUREMENTS))
    demand(report[:4] == asked, "evidence-format", f"the request {asked.hex()}", report[:4])
    answer = report[REQUEST_BYTES:]
    said = bytes((VERSION, MEASUREMENTS))
    demand(answer[:2] == said, "evidence-format", f"the answer {said.hex()}", answer[:2])
    blocks, size = answer[4], int.from_bytes(answer[5:8], "little")
    place = HEADER_BYTES + size + NONCE_BYTES
    demand(place + 2 <= len(answer), "evidence-format", "measurements within the report", size)
    length = int.from_bytes(answer[place : place + 2], "little")
    whole = place + 2 + length + SIGNATURE_BYTES
    demand(whole == len(answer), "evidence-format", f"an answer of {whole} bytes", len(answer))
    record = answer[HEADER_BYTES : HEADER_BYTES + size]
    _check_record(record, blocks)
    return record, answer[place + 2 : place + 2 + length]


def _check_record(record: bytes, blocks: int) -> None:
    """That there are so many measurements, numbered from 1, and nothing else."""
    place, found = 0, 0
    while place < len(record):
        head, inner = record[place : place + 4], record[place + 4 : place + 7]
        size = int.from_bytes(head[2:4], "little")
        found += 1
        proper = len(inner) == 3 and head[0] == found and head[1] == DMTF
        proper = proper and int.from_bytes(inner[1:3], "little") == size - 3
        demand(proper, "evidence-format", f"measurement {found}", head + inner)
        place += 4 + size
    demand(place == len(record) and found == blocks > 0, "evidence-format", f"{blocks} measurements", found)


def _check_signature(report: bytes, card: x509.Certificate) -> None:
    message, raw = report[:-SIGNATURE_BYTES], report[-SIGNATURE_BYTES:]
    half = SIGNATURE_BYTES // 2
    scalars = int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big")
    check_signed_by_device(card, "card", scalars, message)


def _fields(opaque: bytes) -> Iterator[tuple[int, bytes]]:
    """(number, value) of what the vendor adds."""
    place, seen = 0, set()
    while place < len(opaque):
        number, size = (int.from_bytes(opaque[place + at : place + at + 2], "little") for at in (0, 2))
        value = opaque[place + 4 : place + 4 + size]
        fits = len(opaque) >= place + 4 + size and number not in seen
        demand(fits, "evidence-format", "fields of the vendor, each once", f"field {number}")
        seen.add(number)
        yield number, value
        place += 4 + size


def _firmware(card: x509.Certificate) -> bytes:
    """The digest of the firmware that the card's certificate was made for; b"" where it names none."""
    for own in card.extensions:
        if own.oid.dotted_string == FIRMWARE_ID and isinstance(own.value, x509.UnrecognizedExtension):
            return own.value.value[-48:]
    return b""
