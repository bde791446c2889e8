"""The public statement of a hospital's counts in an evaluation that is proved."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.basics.layout import padded
from proofward.layers.basics.plain import integer
from proofward.layers.local_training.training import magnitude, scores
from proofward.layers.rules.validation_part import Arc, arc_of, validation_rows
from proofward.relations.evaluations.count_header import counts_to_header
from proofward.relations.evaluations.score_bins import Edges
from proofward.relations.networks.public_pass import PublicPass
from proofward.relations.rules.config import RoundConfig
from proofward.relations.rules.counting import Counting
from proofward.relations.rules.statement import check_place, digest_of
from proofward.relations.scores.score_counting import check_layout, layout_in
from proofward.relations.scores.score_counts import bins_of_differences, bins_of_logits
from proofward.relations.scores.score_layout import ScoreLayout
from proofward.relations.uploads.count_noise import bound_noise, check_noise_root, words_of

Signed = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class EvaluationStatement:
    """What a hospital's upload says in public in a round that counts scores, and proves its counts.

    Attributes:
        consortium: 32 bytes, the digest of its rules.
        config: The rules of every round; its model is what is evaluated.
        counting: What is counted, a `ScoreLayout` that is proved.
        round: 0 to 2^32 - 1.
        attempt: 0 to 2^32 - 1, counted anew in every round.
        hospital: The name of who proves.
        rows: Its enrolled number of rows, one that the rules admit.
        beacon: 32 bytes, the round's.
        validation_beacon: 32 bytes that draw its validation part.
        dataset_root: 32 bytes, the root of its newest accepted dataset commitment.
        weights: int64 (parameters,), the global weights that the round has.
        left_out: How many rows at both ends of the validation part are not counted, since patients of theirs
            have others outside it; each at most what the counting admits.
        noise_root: 32 bytes, that of the secret words of its noise in this attempt, which was on the ledger
            before the beacon was known; b"" where counts are exact.
        published: The hospital's own counts, where it publishes them; never beside noise.
    """

    consortium: bytes
    config: RoundConfig
    counting: Counting
    round: int
    attempt: int
    hospital: str
    rows: int
    beacon: bytes
    validation_beacon: bytes
    dataset_root: bytes
    weights: Signed
    left_out: tuple[int, int] = (0, 0)
    noise_root: bytes = b""
    published: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        check_place(self, "consortium", "beacon", "validation_beacon", "dataset_root")
        config = self.config
        check_noise_root(self.counting, self.noise_root)
        check_proved(config, self.counting)
        config.check_rows(self.rows)
        config.model.check_flat(self.weights)
        limit, found = config.weight_limit, magnitude(self.weights)
        if found > limit:
            raise ConfigurationError("weights", f"magnitudes of at most {limit}", found)
        for count in self.left_out:
            integer("left_out", count, 0, self.counting.left_out)
        if sum(self.left_out) > self.arc.length:
            raise ConfigurationError("left_out", f"at most {self.arc.length} rows", sum(self.left_out))
        self._check_published()

    def _check_published(self) -> None:
        lengths = (0,) if self.counting.noise else (0, self.counting.length)
        if len(self.published) not in lengths:
            expected = "none beside noise" if self.counting.noise else f"none, or {self.counting.length}"
            raise ConfigurationError("published counts", expected, len(self.published))
        for count in self.published:
            integer("published count", count, 0, self.counting.bound)

    @property
    def entries(self) -> int:
        """How many numbers the ciphertext encrypts."""
        return self.counting.length

    @cached_property
    def layout(self) -> ScoreLayout:
        """What the entries count."""
        found = layout_in(self.counting)
        assert found is not None
        return found

    @cached_property
    def arc(self) -> Arc:
        """The validation part."""
        share = self.config.training.validation_share
        return arc_of(self.validation_beacon, self.hospital, self.rows, share)

    @cached_property
    def selection(self) -> Signed:
        """The rows that are counted, int64, in the order of the ring."""
        first, last = self.left_out
        return self.arc.held_out[first : self.arc.length - last]

    @property
    def records(self) -> int:
        """How many these are."""
        return self.arc.length - sum(self.left_out)

    @cached_property
    def forward_pass(self) -> PublicPass:
        """That of the samples, bounded by what all weights of the rules can be."""
        return pass_of(self.config, self.rows)

    @cached_property
    def edges(self) -> Edges:
        """Of the bins."""
        return Edges.of(self.forward_pass, self.layout.bins)

    @cached_property
    def blank(self) -> tuple[int, int]:
        """How many samples are no records, and the bin of the score of zeros."""
        config, zeros = self.config, np.zeros((1, self.config.model.features), dtype=np.int64)
        score = scores(config.model, config.scales, self.weights, zeros)
        place = int(bins_of_differences(self.layout.bins, config.scales, score)[0])
        return padded(self.arc.length) - len(self.selection), place

    @cached_property
    def blank_cells(self) -> tuple[int, tuple[int, ...]]:
        """Of three and more classes how many samples are no records, and the cells in which each of them is.

        Such a sample has no class. It is among the others of every histogram, and in the first row of the
        confusion table.
        """
        config, zeros = self.config, np.zeros((1, self.config.model.features), dtype=np.int64)
        score = scores(config.model, config.scales, self.weights, zeros)
        own, classes = bins_of_logits(self.layout.bins, config.scales, score)[0], self.layout.classes
        places = [2 * self.layout.bins * k + int(own[k]) for k in range(classes)]
        taken = 2 * self.layout.bins * classes + int(config.model.head.chosen(score)[0])
        return padded(self.arc.length) - len(self.selection), (*places, taken)

    @property
    def model_digest(self) -> bytes:
        """SHA-256 of the model object, by which the ledger names it."""
        return hashlib.sha256(self.weights.astype("<i8").tobytes()).digest()

    def public_words(self) -> npt.NDArray[np.uint64]:
        """See `count_noise.words_of`."""
        return words_of(self)

    def transcript(self, ciphertext: npt.NDArray[np.uint64]) -> bytes:
        """The bytes that bind a proof to this statement and ciphertext."""
        return digest_of(
            "evaluation round",
            self.consortium,
            self.config.digest(),
            self.counting.digest(),
            self.round,
            self.attempt,
            self.hospital.encode(),
            self.rows,
            self.beacon,
            self.validation_beacon,
            self.dataset_root,
            self.model_digest,
            *self.left_out,
            hashlib.sha256(ciphertext.astype("<u8").tobytes()).digest(),
            *bound_noise(self.counting, self.noise_root),
            *((b"published", counts_to_header(self.published)) if self.published else ()),
        )


def pass_of(config: RoundConfig, rows: int) -> PublicPass:
    """The forward pass of the validation part of so many rows; raises a TrainingError."""
    return PublicPass(
        model=config.model,
        scales=config.scales,
        records=validation_rows(rows, config.training.validation_share),
        largest_weight=config.weight_limit,
    )


def check_proved(config: RoundConfig, counting: Counting) -> None:
    """Raises ConfigurationError unless a relation has what is counted."""
    layout = layout_in(counting)
    if not counting.proved or layout is None:
        raise ConfigurationError("counting", "counts of scores that are proved", counting.label)
    classes = config.model.head.classes
    for holds, what, expected, actual in (
        (config.training.validation_share > 0, "validation_share", "above 0", 0),
        (layout.classes == classes, "classes", str(classes), layout.classes),
        (layout.classes > 2 or layout.bins % 2 == 0, "bins", "an even number", layout.bins),
        (not layout.outside, "model", "the federation's own", "an outside model"),
        (counting.length == layout.length, "length", str(layout.length), counting.length),
    ):
        if not holds:
            raise ConfigurationError(f"{what} of a proved evaluation", f"{expected}: {INSTEAD}", actual)
    check_layout(layout, config.model)
    rows = validation_rows(config.most_rows, config.training.validation_share)
    if rows > counting.bound:
        raise ConfigurationError("bits of counts", f"enough for {rows} rows", counting.bits)


INSTEAD = "else write proved = false under [validation], and its counts are signed"
"""What to do where an evaluation cannot be proved."""
