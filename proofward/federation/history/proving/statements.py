"""The public statements of the relations, from the rules and the ledger."""

from __future__ import annotations

from collections.abc import Callable

from proofward.federation.history.state.history_state import HistoryState
from proofward.federation.history.state.round_state import RoundState
from proofward.federation.messages.basics.values import Signed
from proofward.federation.messages.consortium.rules import Rules
from proofward.layers.rules.validation_part import Arc, arc_of
from proofward.relations.counting_rounds.counting_statement import CountingStatement
from proofward.relations.evaluations.evaluation_statement import EvaluationStatement
from proofward.relations.proofs.measure import UploadStatement
from proofward.relations.records.enrolment import EnrolmentStatement
from proofward.relations.rules.counting import Counting
from proofward.relations.training_rounds.round_statement import RoundStatement


def enrolment_statement(rules: Rules, hospital: str, rows: int) -> EnrolmentStatement:
    """What a hospital's enrolment proves; raises ConfigurationError for an impossible number of rows."""
    return EnrolmentStatement(rules.digest, hospital, rows, rules.config.model.features, rules.config)


def counting_statement(history: HistoryState, hospital: str, counting: Counting) -> CountingStatement:
    """What a hospital's upload in the round under way proves, which counts; raises a ConfigurationError."""
    state, rules = history.round, history.rules
    return CountingStatement(
        consortium=rules.digest,
        config=rules.config,
        counting=counting,
        round=state.number,
        attempt=state.attempt,
        hospital=hospital,
        rows=history.enrolled[hospital],
        beacon=state.beacon,
        dataset_root=history.dataset_roots[hospital],
        model=state.model,
        noise_root=noise_root(history, state, hospital),
    )


def evaluation_statement(
    history: HistoryState, hospital: str, counting: Counting, weights: Signed
) -> EvaluationStatement:
    """What a hospital's upload in the round under way proves, whose counts are proved, if no row is left out.

    `weights` are those of the round's model. Raises a TrainingError where no proof can exist.
    """
    state, rules = history.round, history.rules
    return EvaluationStatement(
        consortium=rules.digest,
        config=rules.config,
        counting=counting,
        round=state.number,
        attempt=state.attempt,
        hospital=hospital,
        rows=history.enrolled[hospital],
        beacon=state.beacon,
        validation_beacon=validation_beacon(history, hospital),
        dataset_root=history.dataset_roots[hospital],
        weights=weights,
        noise_root=noise_root(history, state, hospital),
    )


def upload_statement(history: HistoryState, hospital: str, weights: Callable[[], Signed]) -> UploadStatement:
    """What a hospital's upload in the round under way proves; `weights`, where it is about the model."""
    if (counting := history.counting) is not None:
        if counting.proved:
            return evaluation_statement(history, hospital, counting, weights())
        return counting_statement(history, hospital, counting)
    return round_statement(history, hospital, weights())


def weight_shift(history: HistoryState, state: RoundState) -> int:
    """By how many bits all weights of a round are divided: its participant with most rows decides."""
    return history.rules.config.weight_shift(history.most_rows(state))


def validation_beacon(history: HistoryState, hospital: str) -> bytes:
    """What drew a hospital's validation part; b"" where the rules have none."""
    return history.validation_beacons[hospital] if history.rules.config.training.validation_share else b""


def validation_arc(history: HistoryState, hospital: str) -> Arc | None:
    """The rows that a hospital never trains on; None where the rules have none, or none is drawn yet."""
    share = history.rules.config.training.validation_share
    if not share or hospital not in history.validation_beacons:
        return None
    return arc_of(validation_beacon(history, hospital), hospital, history.enrolled[hospital], share)


def round_statement(history: HistoryState, hospital: str, weights: Signed) -> RoundStatement:
    """What a hospital's upload in the round under way proves; `weights` are the round's initial ones.

    The dataset root is the one before this round's verdicts. Raises a TrainingError where no proof can exist.
    """
    state, rules = history.round, history.rules
    return RoundStatement(
        consortium=rules.digest,
        config=rules.config,
        round=state.number,
        attempt=state.attempt,
        hospital=hospital,
        rows=history.enrolled[hospital],
        weight_shift=weight_shift(history, state),
        beacon=state.beacon,
        dataset_root=history.dataset_roots[hospital],
        initial_weights=weights,
        validation_beacon=validation_beacon(history, hospital),
        noise_root=noise_root(history, state, hospital),
    )


def noise_root(history: HistoryState, state: RoundState, hospital: str) -> bytes:
    """That of the secret words of a hospital's noise in an attempt; b"" where there is no noise."""
    if not history.rules.has_noise_in(state.number):
        return b""
    return history.noise_roots[state.number, hospital][state.attempt]
