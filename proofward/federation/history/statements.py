"""The public statements of the relations, from the rules and the ledger."""

from __future__ import annotations

from proofward.federation.history.history_state import HistoryState
from proofward.federation.messages.rules import Rules
from proofward.federation.messages.values import Signed
from proofward.relations.enrolment import EnrolmentStatement
from proofward.relations.round_statement import RoundStatement


def enrolment_statement(rules: Rules, hospital: str, rows: int) -> EnrolmentStatement:
    """What a hospital's enrolment proves; raises ConfigurationError for an impossible number of rows."""
    return EnrolmentStatement(rules.digest, hospital, rows, rules.config.model.widths[0], rules.config)


def round_statement(history: HistoryState, hospital: str, weights: Signed) -> RoundStatement:
    """What a hospital's upload in the round under way proves; `weights` are the round's initial ones.

    The dataset root is the one before this round's verdicts. Raises a TrainingError where no proof can exist.
    """
    state, rules = history.round, history.rules
    return RoundStatement(
        consortium=rules.digest,
        config=rules.config,
        round=state.number,
        hospital=hospital,
        rows=history.enrolled[hospital],
        beacon=state.beacon,
        dataset_root=history.dataset_roots[hospital],
        initial_weights=weights,
    )
