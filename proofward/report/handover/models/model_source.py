"""The last confirmed model of a run folder, or of the kit of any member, also while the federation runs.

A run and the server's kit have the ledger with its objects. Every other member has the entries in its state
and keeps the model of the last closed round among its objects. Each signature and each step is judged again
as the entries are read, and the weights are those whose digest the ledger names; proofs are not verified:
that is the audit's business. A hospital that follows heads has the newest head, and the model that it names.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from proofward.encoding import MalformedMessage, decode
from proofward.encoding.errors import OtherKind
from proofward.engines.contract import ADMIN, KitError, home_of
from proofward.engines.registry import engine_of
from proofward.engines.remote.agreement.home import Home
from proofward.engines.remote.agreement.kept_heads import furthest
from proofward.federation.history.history import History
from proofward.federation.history.progress.stopping import stand_of
from proofward.federation.history.state.history_state import HistoryState
from proofward.federation.history.state.round_state import RoundState
from proofward.federation.history.state.slots import slot_of
from proofward.federation.history.sums.aggregation import model_weights
from proofward.federation.messages.basics.refusal import Refusal
from proofward.federation.messages.consortium.rules import AGGREGATOR, Rules, RulesError
from proofward.federation.messages.envelope import Envelope
from proofward.federation.messages.records.catalogue import FederationOpened, RoundClosed
from proofward.federation.storage.objects import Objects, StoredObjects
from proofward.ledger.database import FILE_NAME, Database
from proofward.ledger.objects import ObjectStore
from proofward.ledger.seal import OBJECTS_NAME
from proofward.report.handover.models.description import (
    CLASSES_NAME,
    FEATURES_NAME,
    Description,
    read_description,
)
from proofward.report.handover.models.exported_model import ExportedModel, Origin

LEDGER_NAME = "ledger"


class NotASource(ValueError, OtherKind):
    """The folder is neither a run, nor a ledger, nor a member's kit: what is expected."""


class NoModel(ValueError):
    """There is no model to take yet, or not here: why, and what to do."""


@dataclass(frozen=True)
class Taken:
    """A model, and what the ledger says up to now of where it comes from; objects: those that are here."""

    model: ExportedModel
    history: HistoryState
    objects: Objects | None = None


def ledger_of(folder: Path) -> Path:
    """The folder of a ledger: a run's, the server's kit's, or the folder itself; raises NotASource."""
    for place in (folder / LEDGER_NAME, folder, home_of(folder) / LEDGER_NAME):
        if (place / FILE_NAME).exists():
            return place
    raise NotASource(f"{folder} has no ledger: expected the folder of a run, or a start-up kit")


def is_kit(folder: Path) -> bool:
    """Whether a folder is a start-up kit."""
    try:
        engine_of(folder).kind(folder)
    except KitError:
        return False
    return True


def last_model(folder: Path, features: Path | None = None, best: bool = False) -> ExportedModel:
    """The model of the last closed round, or of the best; see `last_taken`."""
    return last_taken(folder, features, best).model


def last_taken(folder: Path, features: Path | None = None, best: bool = False) -> Taken:
    """The model of the last closed round, or of the best by the rule on stopping, with its history.

    features: a file that describes them, instead of the folder's own. Raises NotASource, NoModel,
    FeaturesInvalid, Refusal, RulesError, LedgerError, HomeError.
    """
    history, objects = known_so_far(folder)
    described = described_by(_beside(folder), features)
    return Taken(_exported(history, objects, described, best), history, objects)


def opened_source(folder: Path, features: Path | None = None) -> tuple[History, Objects, Description]:
    """The ledger of a run's folder or of a kit, and what the features are; raises as `last_model` does."""
    return *followed_so_far(folder), described_by(_beside(folder), features)


def _beside(folder: Path) -> Path:
    """Where the description of a run's or a kit's features lies."""
    if is_kit(folder):
        return home_of(folder)
    place = ledger_of(folder)
    return place.parent if place == folder and not (folder / FEATURES_NAME).exists() else folder


def followed_so_far(folder: Path, live: bool = False) -> tuple[History, Objects]:
    """The entries of the furthest that a run or any member of a kit has come; live: it is still written.

    Raises NotASource, NoModel, Refusal, RulesError, LedgerError, HomeError.
    """
    history, objects = known_so_far(folder, live)
    if not isinstance(history, History):
        words = f"{folder} is of a hospital that follows heads and has not read all entries: take the kit"
        raise NoModel(f"{words} of the server, or of a member who follows everything")
    return history, objects


def known_so_far(folder: Path, live: bool = False) -> tuple[HistoryState, Objects]:
    """The same, or what a newer head says to a hospital that follows heads; raises likewise."""
    return _of_kit(folder) if is_kit(folder) else read_ledger(ledger_of(folder), live)


def described_by(folder: Path, features: Path | None = None) -> Description:
    """The description of a run's or kit's features; raises NoModel, FeaturesInvalid."""
    path = features or folder / FEATURES_NAME
    if not path.exists():
        words = f"{path} is not there, without which nobody can use the model: give --features FILE with"
        raise NoModel(f"{words} names, centres and spreads, as proofward/features.json of a hospital's kit")
    return read_description(path, folder / CLASSES_NAME, follow=features is not None)


def read_ledger(place: Path, live: bool = False) -> tuple[History, Objects]:
    """A ledger's meaning and its objects; live: see Database. Raises Refusal, RulesError, LedgerError."""
    with closing(Database(place, writable=False, live=live)) as database:
        entries = database.entries()
        first = next(entries, None)
        if first is None:
            raise NoModel(f"{place} has no entry yet: not everybody has joined")
        history = _replayed(_rules(first), chain([first], entries))
    store = ObjectStore(place / OBJECTS_NAME, create=False)
    return history, Objects(StoredObjects(store), history.rules.aggregator)


def _rules(first: bytes) -> Rules:
    try:
        record = decode(first, Envelope).record
    except MalformedMessage as error:
        raise RulesError("entry 0", "the rules", str(error)) from error
    if not isinstance(record, FederationOpened):
        raise RulesError("entry 0", "the rules", record.kind)
    return Rules.from_bytes(record.rules)


def _replayed(rules: Rules, entries: Iterable[bytes]) -> History:
    history = History(rules)
    for entry in entries:
        history.apply(entry)
    return history


def _of_kit(kit: Path) -> tuple[HistoryState, Objects]:
    """The furthest that a member of the kit has followed and has the model of."""
    home = Home(home_of(kit))
    if engine_of(kit).kind(kit) == ADMIN:
        raise NoModel(f"{kit} is the coordinator's, which follows no ledger: take the server's or a member's")
    rules = home.rules
    if rules is None:
        raise NoModel(f"{kit}: not everybody has joined yet, so that there is no model")
    found: list[tuple[HistoryState, Objects]] = []
    for seat in home.seats:
        if seat.role == AGGREGATOR:
            place = home.root / LEDGER_NAME
            if (place / FILE_NAME).exists():
                found.append(read_ledger(place, live=True))
            continue
        folder = home.root / "members" / seat.member
        try:
            history = furthest(folder, rules)
        except sqlite3.Error as error:
            raise NoModel(f"{folder}: its state cannot be read: {error}") from error
        store = ObjectStore(folder / OBJECTS_NAME, create=False)
        found.append((history, Objects(StoredObjects(store), rules.aggregator)))
    if not found:
        raise NoModel(f"{kit} has followed no ledger yet")
    found.sort(key=lambda pair: len(pair[0].closed), reverse=True)
    held = [pair for pair in found if pair[0].closed and _has(*pair)]
    return held[0] if held else found[0]


def _has(history: HistoryState, objects: Objects) -> bool:
    try:
        objects.get(history.model)
    except Refusal:
        return False
    return True


def _best(history: HistoryState, objects: Objects) -> RoundState:
    """The round that evaluated the best model."""
    stand = stand_of(history, objects)
    if stand is None:
        raise NoModel("the rules name no figure by which a round is the best: [validation] has no figure")
    if stand.best is None:
        raise NoModel(f"there is no best round: {stand.words}")
    return history.closed[stand.best - 1]


def _exported(
    history: HistoryState, objects: Objects, described: Description, best: bool = False
) -> ExportedModel:
    rules = history.rules
    if history.ended is not None and not history.closed:
        raise NoModel("the federation was ended by vote before a round was closed: there is no model")
    if not history.closed:
        raise NoModel("no round has been closed yet: there is no model that the members have confirmed")
    if not history.trained:
        raise NoModel("no round has trained yet: so far only counts were summed")
    state = _best(history, objects) if best else history.closed[-1]
    digest, entries, root = _closed(history, state)
    try:
        weights = model_weights(history, objects, digest)
    except Refusal as refusal:
        if refusal.check != "object-missing":
            raise
        words = f"the model of round {state.number}, {digest.hex()}, is not here: it may be on its way,"
        words += " so try again; what ended with an earlier version has it in the server's kit only"
        raise NoModel(words) from refusal
    origin = Origin(
        federation=rules.federation,
        consortium=rules.digest,
        round=state.number,
        rounds=rules.rounds,
        entries=entries,
        root=root,
    )
    return ExportedModel(origin, rules.config.model, rules.config.scales, described, weights)


def _closed(history: HistoryState, state: RoundState) -> tuple[bytes, int, bytes]:
    """The model of a closed round, and size and root of a ledger that has closed it."""
    if not isinstance(history, History):
        counted = {own.round: own.model for own in history.counted_rounds()}
        return counted.get(state.number, history.model), history.size, history.root
    assert state.aggregate is not None
    closing_slot = slot_of(RoundClosed, state.number, state.attempt, history.rules.aggregator)
    entries = history.recorded[history.slots[closing_slot]] + 1
    return state.aggregate.record.model, entries, history.roots[entries]
