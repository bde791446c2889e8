"""Is everything that a prover says uniform and independent of its witness? Statistics over many conversations.

All conversations are held under the same coins, so that every word of one stands where the same word of another
does: what is not hidden by fresh randomness repeats. Per kind of word (messages, each polynomial, each opened
row, salts) three tests of uniformity give standard scores; an honest prover's stay below `LIMIT` for the fixed
seeds, with a probability of 2 in 10^9 each for any others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt

from proofward.proof.counter import Plan
from proofward.proof.party import Party
from proofward.proof.transcript import Coins
from tests.proof.cheats import RegionVerifier
from tests.proof.tableaux import code_of

Words = npt.NDArray[np.uint64]
LIMIT = 6.0
COINS = b"the same coins for all"


@dataclass(frozen=True)
class Sample:
    """Words by kind: arrays (conversations, words)."""

    kinds: dict[str, Words]

    @staticmethod
    def of(
        conversations: Sequence[bytes],
        script: Callable[[Party], None],
        plan: Plan,
        coins: bytes = COINS,
    ) -> Sample:
        """Take conversations apart; each must be accepted under the coins."""
        for conversation in conversations:
            verifier = RegionVerifier(Coins(coins), plan, conversation)
            verifier.run(script, 0)
        rows = {tableau.name: 0 for tableau in verifier.commitments}
        data = np.frombuffer(b"".join(conversations), dtype="<u8").reshape(len(conversations), -1)
        parts: dict[str, list[Words]] = {}
        for region in verifier.regions:
            words = data[:, region.start // 8 : region.stop // 8]
            name = region.what
            if name.startswith("columns of "):
                columns = words.reshape(len(conversations), code_of(plan).queries, -1)
                rows[name[11:]] = columns.shape[2]
                for row in range(columns.shape[2]):
                    parts[f"row {row} of {name[11:]}"] = [columns[:, :, row]]
            else:
                parts.setdefault(name, []).append(words)
        return Sample({name: np.concatenate(words, axis=1) for name, words in parts.items()})


def score(statistic: float, freedom: float) -> float:
    """A chi-square value as a standard normal one (Wilson, Hilferty 1931)."""
    spread = 2 / (9 * freedom)
    return ((statistic / freedom) ** (1 / 3) - (1 - spread)) / sqrt(spread)


def histogram(words: Words, shift: int) -> npt.NDArray[np.int64]:
    """Counts of a byte's values, or of its upper half's where there are few words."""
    values = (words.reshape(-1) >> np.uint64(shift)) & np.uint64(0xFF)
    bins = 256 if words.size >= 5120 else 16
    return np.bincount((values // np.uint64(256 // bins)).astype(np.int64), minlength=bins)


def histogram_score(words: Words, shift: int) -> float:
    """Are a byte's values equally frequent?"""
    counts = histogram(words, shift)
    expected = words.size / counts.size
    return score(float(((counts - expected) ** 2 / expected).sum()), counts.size - 1)


def mean_score(words: Words) -> float:
    """Is the mean at every position that of uniform words?"""
    means = (words.astype(np.float64) / 2.0**64).mean(axis=0)
    deviations = (means - 0.5) * sqrt(12 * words.shape[0])
    return score(float((deviations**2).sum()), words.shape[1])


def repeats(words: Words) -> int:
    """How many words stand at the same place of two conversations."""
    ordered = np.sort(words, axis=0)
    return int((ordered[1:] == ordered[:-1]).sum())


def flaws(sample: Sample) -> dict[str, str]:
    """The kinds of words that are not uniform, and why."""
    found: dict[str, str] = {}
    for kind, words in sample.kinds.items():
        scores = {
            "upper byte": histogram_score(words, 56),
            "lower byte": histogram_score(words, 0),
            "means": mean_score(words),
        }
        for name, value in scores.items():
            if abs(value) > LIMIT:
                found[kind] = f"{name}: score {value:.1f}"
        if count := repeats(words):
            found[kind] = f"{count} words repeat"
    return found


def differences(one: Sample, two: Sample) -> dict[str, str]:
    """The kinds of words whose frequencies differ between two samples."""
    assert one.kinds.keys() == two.kinds.keys()
    found: dict[str, str] = {}
    for kind, words in one.kinds.items():
        for shift in (0, 56):
            first, second = histogram(words, shift), histogram(two.kinds[kind], shift)
            both = first + second
            statistic = float(((first - second) ** 2 / np.maximum(both, 1)).sum())
            value = score(statistic, first.size)
            if abs(value) > LIMIT:
                found[kind] = f"byte {shift // 8}: score {value:.1f}"
        if common := int((words == two.kinds[kind][: words.shape[0]]).sum()):
            found[kind] = f"{common} words in common"
    return found
