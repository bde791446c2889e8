"""In what a run that was begun differs from the one that is asked for, in words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from proofward.encoding import MalformedMessage, decode
from proofward.engines.run_folder import Plan
from proofward.federation.messages.consortium.rules import Rules, RulesError
from proofward.federation.messages.envelope import Envelope
from proofward.federation.messages.records.catalogue import FederationOpened
from proofward.ledger.database import Database
from proofward.ledger.errors import LedgerError


def rules_there(ledger: Path) -> Rules | None:
    """The rules of a ledger's first entry; None where there is none that can be read."""
    try:
        with closing(Database(ledger, writable=False)) as database:
            first = next(database.entries(), None)
        record = None if first is None else decode(first, Envelope).record
        return Rules.from_bytes(record.rules) if isinstance(record, FederationOpened) else None
    except (LedgerError, MalformedMessage, RulesError):
        return None


def other_settings(ledger: Path, plan: Plan) -> str:
    """Every setting that differs, as `rounds: 4 there, 5 asked for`; "" where none does or can be read."""
    rules = rules_there(ledger)
    return "" if rules is None else "; ".join(_differences(rules, plan))


def _differences(rules: Rules, plan: Plan) -> Iterator[str]:
    model, asked_model = rules.config.model, plan.config.model
    pairs: dict[str, tuple[object, object]] = {
        "rounds": (rules.rounds, plan.rounds),
        "hospitals": (len(rules.hospitals), len(plan.hospitals)),
        "verifiers": (len(rules.verifiers), len(plan.verifiers)),
        "layers of the model": (model.words, asked_model.words),
        "description": (rules.federation, plan.federation),
    }
    found = [
        f"{name}: {there} there, {asked} asked for"
        for name, (there, asked) in pairs.items()
        if there != asked
    ]
    if not found and rules.config != plan.config:
        found.append("training: other rates, batches, epochs or bounds there than asked for")
    yield from found
