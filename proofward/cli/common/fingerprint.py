"""A fingerprint as people read it out: 24 words, or digits in groups of four."""

from __future__ import annotations

from typing import Any

import click


def groups(digest: str) -> str:
    """Hexadecimal digits in groups of four."""
    return " ".join(digest[start : start + 4] for start in range(0, len(digest), 4))


def words(digest: str) -> str:
    """The 256 bits as 24 English words of the list of BIP 39, the last of which holds 8 bits of a checksum.

    Any word that is misheard is noticed, but for one in 256.
    """
    return str(_word_list().to_mnemonic(bytes.fromhex(digest)))


def _word_list() -> Any:
    """The list of BIP 39; UsageError, which says what to install, when it is missing."""
    try:
        from mnemonic import Mnemonic
    except ImportError as error:
        words = "the list of words for fingerprints is not installed: pip install 'proofward[flare]'"
        raise click.UsageError(words) from error
    return Mnemonic("english")


def lines(digest: str, per_line: int = 8) -> list[str]:
    """The words, so many a line, and the digits."""
    found = words(digest).split()
    rows = [" ".join(found[start : start + per_line]) for start in range(0, len(found), per_line)]
    return [*rows, groups(digest)]


def digest_of(text: str) -> str | None:
    """The digest that words or digits give, in any case and spacing; None for what is neither."""
    parts = text.lower().split()
    if len(parts) == 24:
        known = _word_list()
        return bytes(known.to_entropy(parts)).hex() if known.check(" ".join(parts)) else None
    digits = "".join(parts)
    return digits if len(digits) == 64 and set(digits) <= set("0123456789abcdef") else None
