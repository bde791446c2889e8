"""consortium.toml: what a consortium agrees on, as people write it."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from proofward.data.csv_records import Feature, FeaturesInvalid, check_features
from proofward.data.wdbc import NORMALISATION
from proofward.engines.remote.terms import MAX_DEADLINE, Seat, Terms
from proofward.federation.messages.refusal import TRANSPORT
from proofward.federation.messages.rules import (
    AGGREGATOR,
    HOSPITAL,
    VERIFIER,
    RulesError,
    usual_abandonments,
    usual_updates,
)
from proofward.layers.errors import TrainingError
from proofward.models.presets import PRESETS, Preset
from proofward.relations.config import RoundConfig
from proofward.relations.measure import check_provable

FILE_NAME = "consortium.toml"
PORT, ROUNDS, DEADLINE = 8002, 15, 600
LEAST_HOSPITALS = 3
_SITE = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"({_LABEL}\.)*{_LABEL}")


class ProjectError(ValueError):
    """A project that makes no sense: the field, what is expected, what was found."""

    def __init__(self, field: str, expected: str, actual: object) -> None:
        super().__init__(f"{field}: expected {expected}, found {actual}")


@dataclass(frozen=True)
class Site:
    """A place with its roles, HOSPITAL, VERIFIER or both."""

    name: str
    roles: tuple[str, ...]

    def seats(self) -> list[Seat]:
        """Its members; a hospital's verifier is a second one."""
        both = len(self.roles) > 1
        names = {HOSPITAL: self.name, VERIFIER: f"{self.name}-{VERIFIER}" if both else self.name}
        return [Seat(names[role], role, self.name) for role in self.roles]


@dataclass(frozen=True)
class Project:
    """threshold, accepting, minimum: 0 stands for the default, until `completed`."""

    title: str
    server: str
    sites: tuple[Site, ...]
    port: int = PORT
    preset: str = "wdbc"
    rounds: int = ROUNDS
    threshold: int = 0
    accepting: int = 0
    minimum: int = 0
    abandoning: int = 0
    deadline: int = DEADLINE
    features: tuple[Feature, ...] = ()

    @property
    def setup(self) -> Preset:
        """The preset."""
        return PRESETS[self.preset]

    @property
    def placeholders(self) -> bool:
        """Whether the features are those that `completed` made up."""
        return self.features == placeholder_features(self.setup.model.widths[0])

    def count(self, role: str) -> int:
        """Number of sites with a role."""
        return sum(role in site.roles for site in self.sites)

    def completed(self) -> Project:
        """With defaults in place of what was left open; raises ProjectError."""
        self._check()
        hospitals, verifiers = self.count(HOSPITAL), self.count(VERIFIER)
        threshold = self.threshold or max(1, (hospitals - 1) // 2)
        width = self.setup.model.widths[0]
        features = self.features
        if not features and width == len(NORMALISATION):
            features = tuple(Feature(*entry) for entry in NORMALISATION)
        if not features:
            features = placeholder_features(width)
        if len(features) != width:
            raise ProjectError("feature", f"{width} features, as preset {self.preset} has", len(features))
        try:
            check_features(features)
        except FeaturesInvalid as error:
            raise ProjectError("feature", "distinct names", str(error)) from error
        return replace(
            self,
            threshold=threshold,
            minimum=self.minimum or usual_updates(hospitals, threshold),
            abandoning=self.abandoning or usual_abandonments(hospitals),
            accepting=self.accepting or verifiers // 2 + 1,
            features=features,
        )

    def _check(self) -> None:
        if not 1 <= len(self.title) <= 200 or not self.title.isprintable():
            raise ProjectError("title", "1 to 200 printable characters", repr(self.title))
        numeric = self.server.rpartition(".")[2].isdigit()
        if len(self.server) > 64 or numeric or not _HOST.fullmatch(self.server):
            expected = "a name in lower case, at most 64 characters, such as fl.example.org (no address)"
            raise ProjectError("server", expected, repr(self.server))
        if self.preset not in PRESETS:
            raise ProjectError("preset", f"one of {', '.join(sorted(PRESETS))}", repr(self.preset))
        for site in self.sites:
            longest = max(len(seat.member) for seat in site.seats())
            if not _SITE.fullmatch(site.name) or longest > 40 or site.name == TRANSPORT:
                expected = "lower-case letters, digits and hyphens, members' names of at most 40"
                raise ProjectError("site name", expected, repr(site.name))
            if site.name == self.server:
                raise ProjectError("site name", "another name than the server's", site.name)
        names = [site.name for site in self.sites]
        members = [seat.member for site in self.sites for seat in site.seats()]
        for what, found in (("site", names), ("member", [AGGREGATOR, *members])):
            twice = sorted({name for name in found if found.count(name) > 1})
            if twice:
                raise ProjectError(what, "distinct names", f"{', '.join(twice)} twice")
        if (count := self.count(HOSPITAL)) < LEAST_HOSPITALS:
            raise ProjectError("site", "three hospitals: of two each can subtract its own update", count)
        if not self.count(VERIFIER):
            raise ProjectError("site", "at least one verifier", 0)

    def terms(self) -> Terms:
        """The terms of a completed project, whose members draw the first model; raises ProjectError."""
        setup = self.setup
        seats = [Seat(AGGREGATOR, AGGREGATOR, self.server)]
        seats += [seat for site in self.sites for seat in site.seats()]
        try:
            config = RoundConfig(
                setup.model, setup.scales, setup.training, setup.clip_bound, self.count(HOSPITAL),
                self.threshold,
            )  # fmt: skip
            for rows in (config.least_rows, config.most_rows):
                check_provable(config, rows)
            terms = Terms.of(
                config,
                federation=self.title,
                seats=tuple(sorted(seats, key=lambda seat: seat.member)),
                accepting_verdicts=self.accepting,
                minimum_updates=self.minimum,
                abandonments=self.abandoning,
                rounds=self.rounds,
                initial_model=b"",
                deadline=self.deadline,
            )
            terms.check()
        except (TrainingError, RulesError) as error:
            raise ProjectError("policy", "thresholds that fit the members", str(error)) from error
        return terms

    def text(self) -> str:
        """The file of a completed project."""
        lines = [
            "# What this consortium agrees on. `proofward consortium init FOLDER` makes the kits from it.",
            f"title = {_quoted(self.title)}",
            f"server = {_quoted(self.server)}  # the name under which every site reaches the server",
            f"port = {self.port}  # the only one that is open, at the server",
            f"preset = {_quoted(self.preset)}  # {self.setup.summary}",
            f"rounds = {self.rounds}",
            "",
            "[policy]",
            f"threshold = {self.threshold}  # so many hospitals learn nothing together",
            f"accepting = {self.accepting}  # verdicts that accept a proof, of {self.count(VERIFIER)}",
            f"minimum = {self.minimum}  # fewest hospitals in a sum",
            f"abandoning = {self.abandoning}  # hospitals that give a set up before the round is tried again",
            f"deadline = {self.deadline}  # seconds that a phase waits for a member",
        ]
        for site in self.sites:
            roles = ", ".join(_quoted(role) for role in site.roles)
            lines += ["", "[[site]]", f"name = {_quoted(site.name)}", f"roles = [{roles}]"]
        lines += ["", "# Public constants: x becomes (x - centre) / spread, alike at every hospital."]
        for entry in self.features:
            lines += ["[[feature]]", f"name = {_quoted(entry.name)}"]
            lines += [f"centre = {float(entry.centre)!r}", f"spread = {float(entry.spread)!r}", ""]
        return "\n".join(lines).rstrip("\n") + "\n"


def placeholder_features(count: int) -> tuple[Feature, ...]:
    """Features that stay as they are."""
    return tuple(Feature(f"feature-{number}", 0.0, 1.0) for number in range(1, count + 1))


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def read_project(path: Path) -> Project:
    """The project in a file, completed; raises ProjectError, OSError."""
    try:
        plain = tomllib.loads(path.read_bytes().decode())
    except (ValueError, RecursionError) as error:
        raise ProjectError(str(path), "a TOML file", str(error)) from error
    top = ("title", "server", "port", "preset", "rounds", "policy", "site", "feature")
    table = _Table(plain, "", top)
    policy = _Table(table.table("policy"), "policy.", _POLICY)
    sites, features = [], []
    for where, values in table.tables("site"):
        entry = _Table(values, where, ("name", "roles"))
        sites.append(Site(entry.text("name"), entry.roles()))
    for where, values in table.tables("feature", needed=False):
        entry = _Table(values, where, ("name", "centre", "spread"))
        try:
            features.append(Feature(entry.text("name"), entry.number("centre"), entry.number("spread")))
        except FeaturesInvalid as error:
            raise ProjectError(where.rstrip("."), "constants of a feature", str(error)) from error
    return Project(
        title=table.text("title"),
        server=table.text("server"),
        port=table.integer("port", 1, 65535, PORT),
        preset=table.text("preset", "wdbc"),
        rounds=table.integer("rounds", 1, 1 << 20, ROUNDS),
        threshold=policy.integer("threshold", 1, 3000, 0),
        accepting=policy.integer("accepting", 1, 4096, 0),
        minimum=policy.integer("minimum", 3, 4096, 0),
        abandoning=policy.integer("abandoning", 2, 4096, 0),
        deadline=policy.integer("deadline", 1, MAX_DEADLINE, DEADLINE),
        sites=tuple(sites),
        features=tuple(features),
    ).completed()


_POLICY = ("threshold", "accepting", "minimum", "abandoning", "deadline")


class _Table:
    """A table of the file; refuses keys that it does not know. where: ends with a dot, but for the top."""

    def __init__(self, values: Mapping[str, Any], where: str, names: Sequence[str]) -> None:
        for key in values:
            if key not in names:
                raise ProjectError(where + key, f"one of {', '.join(names)}", "an unknown key")
        self._values, self._where = values, where

    def _get(self, name: str, expected: str, default: object = None) -> Any:
        value = self._values.get(name, default)
        if value is None:
            raise ProjectError(self._where + name, expected, "nothing")
        return value

    def text(self, name: str, default: str | None = None) -> str:
        value = self._get(name, "a text", default)
        if not isinstance(value, str):
            raise ProjectError(self._where + name, "a text in quotes", repr(value))
        return value

    def integer(self, name: str, low: int, high: int, default: int) -> int:
        value = self._get(name, "an integer", default)
        if name in self._values and (type(value) is not int or not low <= value <= high):
            raise ProjectError(self._where + name, f"an integer in [{low}, {high}]", repr(value))
        return int(value)

    def number(self, name: str) -> float:
        value = self._get(name, "a number")
        try:
            if type(value) in (int, float):
                return float(value)
        except OverflowError:
            pass
        raise ProjectError(self._where + name, "a number", repr(value)[:40])

    def roles(self) -> tuple[str, ...]:
        expected = f'["{HOSPITAL}"], ["{VERIFIER}"] or both'
        value = self._get("roles", expected)
        known = isinstance(value, list) and all(role in (HOSPITAL, VERIFIER) for role in value)
        if not known or not value or len(set(value)) != len(value):
            raise ProjectError(self._where + "roles", expected, repr(value))
        return tuple(sorted(value))

    def table(self, name: str) -> Mapping[str, Any]:
        value = self._values.get(name, {})
        if not isinstance(value, dict):
            raise ProjectError(self._where + name, f"a table, [{name}]", repr(value))
        return value

    def tables(self, name: str, needed: bool = True) -> list[tuple[str, Mapping[str, Any]]]:
        value = self._values.get(name, [])
        proper = isinstance(value, list) and all(isinstance(entry, dict) for entry in value)
        if not proper or (needed and not value):
            raise ProjectError(self._where + name, f"tables, [[{name}]]", repr(value) if value else "nothing")
        return [(f"{name} {number}.", entry) for number, entry in enumerate(value, 1)]
