"""The measures of a round's proof: commitments, pads, columns and proven bits, before a byte of it is read.

They depend on the rules, and on the number of rows and the weight shift or on what is counted, so they are
kept and used again. A statement is plain data and knows nothing of its script; this module joins the two.
Nothing here grows with a claimed number of rows.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from proofward.lattice.parameters import LARGEST_BOUND, ciphertext_length
from proofward.layers.basics.errors import ConfigurationError, WraparoundPossible
from proofward.proof.commitment.contract import Scheme
from proofward.proof.commitment.registry import SCHEME
from proofward.proof.counter import Counter, Plan
from proofward.proof.party import Party
from proofward.proof.soundness import SoundnessBelowPolicy
from proofward.relations.counting_rounds.counting_round import counting_round
from proofward.relations.counting_rounds.counting_statement import CountingStatement
from proofward.relations.evaluations.evaluation_round import evaluation_round
from proofward.relations.evaluations.evaluation_statement import EvaluationStatement
from proofward.relations.records.enrolment import EnrolmentStatement, enrolment_plan
from proofward.relations.rules.config import RoundConfig
from proofward.relations.rules.counting import Counting
from proofward.relations.rules.limits import MOST_COMMITTED_VALUES
from proofward.relations.training_rounds.round_statement import RoundStatement
from proofward.relations.training_rounds.training_round import training_round
from proofward.relations.uploads.count_noise import secret_of
from proofward.relations.uploads.key_shares import discard
from proofward.relations.uploads.noise_seed import NoiseSecret

_MOST_PLANS = 64
_plans: dict[tuple[bytes, int, int], Plan] = {}


def round_plan(statement: RoundStatement) -> Plan:
    """The measures of a round's proof; raises SoundnessBelowPolicy where the policy cannot be met."""
    key = (statement.config.digest(), statement.rows, statement.weight_shift)
    if key not in _plans:
        if len(_plans) >= _MOST_PLANS:
            _plans.clear()
        _plans[key] = _measure(statement)
    return _plans[key]


def counting_plan(statement: CountingStatement) -> Plan:
    """The measures of the proof of counts; raises SoundnessBelowPolicy where the policy cannot be met."""
    return _counting_plan(statement.config, statement.counting, statement.rows.bit_length())


@lru_cache(maxsize=_MOST_PLANS)
def _counting_plan(config: RoundConfig, counting: Counting, bits: int) -> Plan:
    """They depend on the rows only where counts are within them, and then on their bits."""
    statement = blank_counts(config, counting, 1 << bits >> 1)
    nothing = np.zeros(ciphertext_length(counting.length), dtype=np.uint64)
    counter = Counter(counting_scheme(config, counting), config.security_bits)
    plan = counter.run(lambda party: discard(counting_round(party, statement, nothing, lambda _: (), None)))
    plan.soundness.require(config.security_bits)
    return plan


def counting_scheme(config: RoundConfig, counting: Counting) -> Scheme:
    """That of proofs of counts of which nothing else is proved."""
    return SCHEME.choose(counting.committed_values(config.threshold), config.security_bits, openings=1)


def secret_words_of(config: RoundConfig, rows: int, counting: Counting | None, seed: bytes) -> NoiseSecret:
    """What a hospital of so many rows makes of a seed of noise, for a round that trains or counts."""
    if counting is None:
        return NoiseSecret.of(config, rows, seed)
    scheme = config.scheme(rows) if counting.proved else counting_scheme(config, counting)
    return secret_of(counting, scheme, seed)


def evaluation_plan(statement: EvaluationStatement) -> Plan:
    """The measures of the proof of an evaluation; raises SoundnessBelowPolicy or a TrainingError."""
    return _evaluation_plan(statement.config, statement.counting, statement.rows, bool(statement.published))


@lru_cache(maxsize=_MOST_PLANS)
def _evaluation_plan(config: RoundConfig, counting: Counting, rows: int, published: bool) -> Plan:
    """They depend on the rules, the rows and what is published; not on weights or on rows left out."""
    statement = blank_evaluation(config, counting, rows, published)
    nothing = np.zeros(ciphertext_length(counting.length), dtype=np.uint64)
    counter = Counter(config.scheme(rows), config.security_bits)

    def script(party: Party) -> None:
        evaluation_round(party, statement, nothing, lambda _: (), None)

    plan = counter.run(script)
    plan.soundness.require(config.security_bits)
    if plan.values > MOST_COMMITTED_VALUES:
        raise ConfigurationError("committed values", f"at most {MOST_COMMITTED_VALUES}", plan.values)
    return plan


def costs_a_round(config: RoundConfig, counting: Counting) -> bool:
    """Whether no proof of an evaluation commits to more than twice as many values as one of a round does."""
    rows = config.most_rows
    found = plan_of_counts(config, counting, rows).values
    return found <= 2 * round_plan(blank_statement(config, rows)).values


def _blank(config: RoundConfig, rows: int, noise: object) -> dict[str, Any]:
    """What all statements of uploads say, and no measure depends on; noise: whether there is some."""
    return {
        "consortium": bytes(32),
        "config": config,
        "round": 1,
        "attempt": 0,
        "hospital": "",
        "rows": rows,
        "beacon": bytes(32),
        "dataset_root": bytes(32),
        "noise_root": bytes(32) if noise else b"",
    }


def blank_evaluation(
    config: RoundConfig, counting: Counting, rows: int, published: bool = False
) -> EvaluationStatement:
    """A statement of these measures, whatever else it says."""
    nothing = np.zeros(config.model.parameters, dtype=np.int64)
    return EvaluationStatement(
        **_blank(config, rows, counting.noise),
        counting=counting,
        validation_beacon=bytes(32),
        weights=nothing,
        published=(0,) * counting.length if published else (),
    )


def blank_counts(config: RoundConfig, counting: Counting, rows: int) -> CountingStatement:
    """A statement of these measures, whatever else it says."""
    return CountingStatement(**_blank(config, rows, counting.noise), counting=counting, model=bytes(32))


def plan_of_counts(config: RoundConfig, counting: Counting, rows: int) -> Plan:
    """The measures of the proof of a hospital with so many rows; errors as of the two plans."""
    if counting.proved:
        return evaluation_plan(blank_evaluation(config, counting, rows))
    return counting_plan(blank_counts(config, counting, rows if counting.within_rows else 0))


def check_countable(config: RoundConfig, counting: Counting) -> None:
    """Raises ConfigurationError unless every hospital can prove its counts."""
    if counting.message_bound >= LARGEST_BOUND:
        expected = f"counts that stay below {LARGEST_BOUND} with their noise"
        raise ConfigurationError("counting.bits", expected, counting.bits)
    try:
        for rows in _sizes(config) if counting.proved else [config.most_rows]:
            plan_of_counts(config, counting, rows)
            if counting.proved and not counting.noise:
                evaluation_plan(blank_evaluation(config, counting, rows, published=True))
    except SoundnessBelowPolicy as error:
        expected = "a level that proofs of counts reach"
        raise ConfigurationError("security_bits", expected, f"{counting.label}: {error}") from error
    except WraparoundPossible as error:
        expected = "a model whose forward pass can be proved"
        raise ConfigurationError("counting", expected, f"{counting.label}: {error}") from error


def _sizes(config: RoundConfig) -> list[int]:
    """The least and the most rows of the rules, and every power of two between."""
    between = [1 << bits for bits in range(config.most_rows.bit_length())]
    least, most = config.least_rows, config.most_rows
    return [least, *(rows for rows in between if least < rows < most), most]


UploadStatement = RoundStatement | CountingStatement | EvaluationStatement
"""What an upload proves, in a round that trains or in one that counts."""


def plan_of(statement: EnrolmentStatement | UploadStatement) -> Plan:
    """The measures of any of these proofs."""
    if isinstance(statement, CountingStatement):
        return counting_plan(statement)
    if isinstance(statement, EvaluationStatement):
        return evaluation_plan(statement)
    return round_plan(statement) if isinstance(statement, RoundStatement) else enrolment_plan(statement)


def check_provable(config: RoundConfig, rows: int) -> None:
    """Raises a TrainingError unless a hospital with `rows` rows can prove its enrolment and its rounds."""
    config.check_rows(rows)
    _check_provable(config, rows)


@lru_cache(maxsize=1024)
def _check_provable(config: RoundConfig, rows: int) -> None:
    """Every party asks it of every enrolment; what is refused is not kept."""
    try:
        round_plan(blank_statement(config, rows))
        enrolment_plan(EnrolmentStatement(bytes(32), "", rows, config.model.features, config))
    except SoundnessBelowPolicy as error:
        raise ConfigurationError(
            "security_bits", f"a level that proofs reach with {rows} rows", str(error)
        ) from error


def blank_statement(config: RoundConfig, rows: int) -> RoundStatement:
    """A statement of these measures, whatever else it says; raises a TrainingError where there is none."""
    return RoundStatement(
        **_blank(config, rows, config.privacy),
        weight_shift=config.weight_shift(rows),
        initial_weights=np.zeros(config.model.parameters, dtype=np.int64),
        validation_beacon=bytes(32) if config.training.validation_share else b"",
    )


def round_script(statement: RoundStatement) -> Callable[[Party], None]:
    """The script of a round for whoever counts only."""
    nothing = np.zeros(ciphertext_length(statement.config.model.parameters), dtype=np.uint64)

    def script(party: Party) -> None:
        training_round(party, statement, nothing, lambda _: (), None)

    return script


def _measure(statement: RoundStatement) -> Plan:
    config = statement.config
    counter = Counter(config.scheme(statement.rows), config.security_bits)
    plan = counter.run(round_script(statement))
    plan.soundness.require(config.security_bits)
    return plan
