"""OpenTimestamps of a file's SHA-256: that a ledger's seal existed before a block of Bitcoin.

Proved: that a chain of hashes leads from the digest to the Merkle root of a block, so that the file existed
when the block was made. Whether that block is in Bitcoin's chain is to be asked of a node that one trusts:
here only its own work is checked. A calendar learns the digest and nothing else. The library
`opentimestamps` reads and writes the format.
"""

from __future__ import annotations

import urllib.error
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

MAX_BYTES = 1 << 16
HEADER_BYTES = 80
CALENDARS = (
    "https://a.pool.opentimestamps.org",
    "https://b.pool.opentimestamps.org",
    "https://a.pool.eternitywall.com",
)
"""Public calendars, which take digests without an account."""


class TimestampRefused(Exception):
    """What a timestamp, a calendar or a block's header is not."""


class TimestampsExtraMissing(Exception):
    """The library is not installed."""


PENDING, BITCOIN, ANOTHER = "pending", "bitcoin", "another"


@dataclass(frozen=True)
class Attestation:
    """Who says when. kind: one of these.

    detail: a calendar's address, or a block's height. digest: for bitcoin the block's Merkle root, as its
    header has it
    """

    kind: str
    detail: str
    digest: bytes


Submit = Callable[[str, bytes], Any]
"""Sends a digest to the calendar at an address; gives the library's Timestamp."""


def _library() -> None:
    try:
        import opentimestamps.core.timestamp  # noqa: F401
    except ImportError as error:
        words = "timestamps need a package that is not installed: pip install 'proofward[timestamps]'"
        raise TimestampsExtraMissing(words) from error


def submit(url: str, digest: bytes, timeout: float = 20.0) -> Any:
    """A calendar's promise for a digest (32 bytes)."""
    from opentimestamps.calendar import RemoteCalendar

    return RemoteCalendar(f"{url.rstrip('/')}/", user_agent="proofward").submit(digest, timeout=timeout)


def fetch(url: str, digest: bytes, timeout: float = 20.0) -> Any:
    """What a calendar has for a digest by now; raises KeyError for nothing."""
    from opentimestamps.calendar import RemoteCalendar

    return RemoteCalendar(f"{url.rstrip('/')}/", user_agent="proofward").get_timestamp(
        digest, timeout=timeout
    )


def stamp(
    digest: bytes, calendars: Sequence[str], least: int, ask: Submit = submit
) -> tuple[bytes, list[str]]:
    """A timestamp file for a digest (32 bytes), and why calendars gave nothing.

    Raises TimestampRefused when fewer than `least` answered.
    """
    _library()
    from opentimestamps.core.op import OpSHA256
    from opentimestamps.core.timestamp import DetachedTimestampFile, Timestamp

    found, wrong = Timestamp(digest), []
    for url in calendars:
        try:
            found.merge(ask(url, digest))
        except Exception as error:  # the library raises many kinds for what a calendar may send
            wrong.append(f"{url}: {type(error).__name__}: {error}")
    if len(calendars) - len(wrong) < least:
        raise TimestampRefused(
            f"{len(calendars) - len(wrong)} of {len(calendars)} calendars answered, and {least} are wanted: "
            + "; ".join(wrong)
        )
    return _written(DetachedTimestampFile(OpSHA256(), found)), wrong


def read(data: bytes, digest: bytes) -> Any:
    """The library's timestamp file, of this digest and in its one form. Raises TimestampRefused."""
    _library()
    from opentimestamps.core.op import OpSHA256
    from opentimestamps.core.serialize import BadMagicError, BytesDeserializationContext
    from opentimestamps.core.timestamp import DetachedTimestampFile

    if len(data) > MAX_BYTES:
        raise TimestampRefused(f"expected at most {MAX_BYTES} bytes, found {len(data)}")
    try:
        file = DetachedTimestampFile.deserialize(BytesDeserializationContext(data))
    except Exception as error:  # see above; among them errors of recursion and of memory for crafted lengths
        found = "another file" if isinstance(error, BadMagicError) else f"{type(error).__name__}: {error}"
        expected = "expected a timestamp, as `proofward timestamp stamp` writes one"
        raise TimestampRefused(f"{expected}, found {found}") from error
    if not isinstance(file.file_hash_op, OpSHA256) or file.file_digest != digest:
        raise TimestampRefused(
            f"expected a timestamp of {digest.hex()}, found one of {file.file_digest.hex()}"
        )
    if _written(file) != data:
        raise TimestampRefused("expected the canonical form of a timestamp, found another")
    return file


def attestations(data: bytes, digest: bytes) -> list[Attestation]:
    """What a timestamp file says of a digest. Raises TimestampRefused."""
    found = []
    for message, attestation in read(data, digest).timestamp.all_attestations():
        kind = type(attestation).__name__
        if kind == "PendingAttestation":
            found.append(Attestation(PENDING, attestation.uri, bytes(message)))
        elif kind == "BitcoinBlockHeaderAttestation":
            found.append(Attestation(BITCOIN, str(attestation.height), bytes(message)))
        else:
            found.append(Attestation(ANOTHER, kind, bytes(message)))
    return sorted(found, key=lambda one: (one.kind, one.detail, one.digest))


def upgrade(
    data: bytes, digest: bytes, calendars: Collection[str], ask: Submit = fetch
) -> tuple[bytes, list[str]]:
    """The file with what calendars know by now, and why some gave nothing. Only these addresses are asked.

    A file may name any address, so it does not choose whom this machine connects to. Raises TimestampRefused.
    """
    file, wrong = read(data, digest), []
    for timestamp, url in list(_pending(file.timestamp)):
        if url.rstrip("/") not in {calendar.rstrip("/") for calendar in calendars}:
            wrong.append(f"{url}: not among the calendars that may be asked")
            continue
        try:
            timestamp.merge(ask(url, bytes(timestamp.msg)))
        except (KeyError, urllib.error.HTTPError):
            wrong.append(f"{url}: not in a block yet")
        except Exception as error:
            wrong.append(f"{url}: {type(error).__name__}: {error}")
    return _written(file), wrong


def block_times(told: Sequence[Attestation], headers: Sequence[bytes]) -> dict[bytes, int]:
    """When blocks were made (seconds since 1970), by their Merkle roots as headers have them.

    headers: 80 bytes each, of blocks that are told of, each with its work done. Raises TimestampRefused.
    """
    roots = [one.digest for one in told if one.kind == BITCOIN]
    return dict(_block(header, roots) for header in headers)


def root_in_words(root: bytes) -> str:
    """A Merkle root as Bitcoin's tools show it, the last byte first."""
    return root[::-1].hex()


def _block(header: bytes, roots: Sequence[bytes]) -> tuple[bytes, int]:
    _library()
    from bitcoin.core import CBlockHeader, CheckProofOfWork, CheckProofOfWorkError

    if len(header) != HEADER_BYTES:
        raise TimestampRefused(f"expected a block's header of {HEADER_BYTES} bytes, found {len(header)}")
    block = CBlockHeader.deserialize(header)
    if block.hashMerkleRoot not in roots:
        expected = " or ".join(map(root_in_words, roots)) or "of an attestation, of which there is none yet"
        found = root_in_words(block.hashMerkleRoot)
        raise TimestampRefused(f"expected a block with the root {expected}, found {found}")
    try:
        CheckProofOfWork(block.GetHash(), block.nBits)
    except CheckProofOfWorkError as error:
        raise TimestampRefused(f"the header has not the work that it claims: {error}") from error
    return block.hashMerkleRoot, int(block.nTime)


def _pending(timestamp: Any) -> Iterator[tuple[Any, str]]:
    """The timestamps within a timestamp that a calendar has promised to complete, with its address."""
    for attestation in timestamp.attestations:
        if type(attestation).__name__ == "PendingAttestation":
            yield timestamp, attestation.uri
    for following in timestamp.ops.values():
        yield from _pending(following)


def _written(file: Any) -> bytes:
    from opentimestamps.core.serialize import BytesSerializationContext

    context = BytesSerializationContext()
    file.serialize(context)
    return bytes(context.getbytes())
