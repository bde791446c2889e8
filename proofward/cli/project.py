"""consortium.toml: what a consortium agrees on, as people write it."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path

from proofward.cli.label_table import NOTATION_KEYS, label_lines, notation_lines, read_feature, read_notation
from proofward.cli.project_table import ProjectError, Table
from proofward.data.schema import Feature, FeaturesInvalid, Notation, Schema
from proofward.data.wdbc import NORMALISATION
from proofward.engines.flare.names import fault_of_name, is_value
from proofward.engines.remote.terms import MAX_DEADLINE, MAX_UPLOAD_SLOT, UPLOAD_SLOT, Seat, Terms
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
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"({_LABEL}\.)*{_LABEL}")


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
    """threshold, accepting, minimum, abandoning: 0 stands for the default, until `completed`.

    trusted_first_model: name of a file beside the project's; "" for a first model that the members draw.
    """

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
    upload_slot: int = UPLOAD_SLOT
    trusted_first_model: str = ""
    features: tuple[Feature, ...] = ()
    notation: Notation = field(default_factory=Notation)

    @property
    def schema(self) -> Schema:
        """The columns of every hospital's table, of a completed project."""
        return Schema(self.features, self.notation)

    @property
    def setup(self) -> Preset:
        """The preset."""
        return PRESETS[self.preset]

    @property
    def placeholders(self) -> bool:
        """Whether the features are those that `completed` made up."""
        return self.features == placeholder_features(self.setup.model.widths[0])

    def first_model_beside(self, path: Path) -> Path | None:
        """The file of the trusted first model, of a project in the file `path`."""
        return path.parent / self.trusted_first_model if self.trusted_first_model else None

    def object_of(self, chosen: bytes) -> bytes:
        """The object of a first model's file: its weights, which the file ends with; b"" for b""."""
        return chosen[-8 * self.setup.model.parameters :]

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
            Schema(features, self.notation)
        except FeaturesInvalid as error:
            raise ProjectError("columns", "distinct names", str(error)) from error
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
        unusable = is_value(self.server.rpartition(".")[2])
        if len(self.server) > 64 or unusable or not _HOST.fullmatch(self.server):
            expected = "a name in lower case, at most 64 characters, such as fl.example.org (no address)"
            raise ProjectError("server", expected, repr(self.server))
        if self.preset not in PRESETS:
            raise ProjectError("preset", f"one of {', '.join(sorted(PRESETS))}", repr(self.preset))
        name = self.trusted_first_model
        if name and (Path(name).name != name or not name.isprintable()):
            raise ProjectError("trusted_first_model", "the name of a file in the same folder", repr(name))
        for site in self.sites:
            longest = max(len(seat.member) for seat in site.seats())
            if (fault := fault_of_name(site.name)) or longest > 40 or site.name == TRANSPORT:
                expected = "lower-case letters, digits and hyphens, members' names of at most 40"
                raise ProjectError("site name", expected, fault or repr(site.name))
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

    def config(self) -> RoundConfig:
        """The configuration of a completed project; raises ProjectError."""
        setup = self.setup
        try:
            config = RoundConfig(
                setup.model, setup.scales, setup.training, setup.clip_bound, self.count(HOSPITAL),
                self.threshold,
            )  # fmt: skip
            for rows in (config.least_rows, config.most_rows):
                check_provable(config, rows)
        except TrainingError as error:
            raise ProjectError("policy", "thresholds that fit the members", str(error)) from error
        return config

    def terms(self, model: bytes = b"") -> Terms:
        """The terms of a completed project; raises ProjectError.

        model: the trusted first model, as an object's bytes; b"" for one that the members draw.
        """
        config, seats = self.config(), [Seat(AGGREGATOR, AGGREGATOR, self.server)]
        seats += [seat for site in self.sites for seat in site.seats()]
        try:
            terms = Terms.of(
                config,
                federation=self.title,
                seats=tuple(sorted(seats, key=lambda seat: seat.member)),
                accepting_verdicts=self.accepting,
                minimum_updates=self.minimum,
                abandonments=self.abandoning,
                rounds=self.rounds,
                initial_model=hashlib.sha256(model).digest() if model else b"",
                deadline=self.deadline,
                upload_slot=self.upload_slot,
            )
            terms.check()
        except RulesError as error:
            raise ProjectError("policy", "thresholds that fit the members", str(error)) from error
        return terms

    def _first_model(self) -> list[str]:
        if not self.trusted_first_model:
            return []
        why = "who chose it can learn more than sums"
        return [f"trusted_first_model = {_quoted(self.trusted_first_model)}  # {why}"]

    def text(self) -> str:
        """The file of a completed project."""
        lines = [
            "# What this consortium agrees on. `proofward consortium init FOLDER` makes the kits from it.",
            f"title = {_quoted(self.title)}",
            f"server = {_quoted(self.server)}  # the name under which every site reaches the server",
            f"port = {self.port}  # the only one that is open, at the server",
            f"preset = {_quoted(self.preset)}  # {self.setup.summary}",
            f"rounds = {self.rounds}",
            *self._first_model(),
            *notation_lines(self.notation),
            "",
            "[policy]",
            f"threshold = {self.threshold}  # so many hospitals learn nothing together",
            f"accepting = {self.accepting}  # verdicts that accept a proof, of {self.count(VERIFIER)}",
            f"minimum = {self.minimum}  # fewest hospitals in a sum",
            f"abandoning = {self.abandoning}  # hospitals that give a set up before the round is tried again",
            f"deadline = {self.deadline}  # seconds that a phase waits for a member",
            f"upload_slot = {self.upload_slot}  # uploads leave every so many seconds, 0 for at once: "
            "their time then tells nothing of the records",
        ]
        lines += label_lines(self.notation.label)
        for site in self.sites:
            roles = ", ".join(_quoted(role) for role in site.roles)
            lines += ["", "[[site]]", f"name = {_quoted(site.name)}", f"roles = [{roles}]"]
        lines += ["", "# Public constants: x becomes (x - centre) / spread, alike at every hospital."]
        for entry in self.features:
            lines += ["[[feature]]", f"name = {_quoted(entry.name)}"]
            lines += [f"unit = {_quoted(entry.unit)}"] if entry.unit else []
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
    top = ("title", "server", "port", "preset", "rounds", "trusted_first_model", "policy", "site",
           "feature", *NOTATION_KEYS)  # fmt: skip
    table = Table(plain, "", top)
    policy = Table(table.table("policy"), "policy.", _POLICY)
    sites, features = [], []
    for where, values in table.tables("site"):
        entry = Table(values, where, ("name", "roles"))
        sites.append(Site(entry.text("name"), entry.roles()))
    for where, values in table.tables("feature", needed=False):
        features.append(read_feature(values, where))
    return Project(
        title=table.text("title"),
        server=table.text("server"),
        port=table.integer("port", 1, 65535, PORT),
        preset=table.text("preset", "wdbc"),
        rounds=table.integer("rounds", 1, 1 << 20, ROUNDS),
        trusted_first_model=table.text("trusted_first_model", ""),
        threshold=policy.integer("threshold", 1, 3000, 0),
        accepting=policy.integer("accepting", 1, 4096, 0),
        minimum=policy.integer("minimum", 3, 4096, 0),
        abandoning=policy.integer("abandoning", 2, 4096, 0),
        deadline=policy.integer("deadline", 1, MAX_DEADLINE, DEADLINE),
        upload_slot=policy.integer("upload_slot", 0, MAX_UPLOAD_SLOT, UPLOAD_SLOT),
        sites=tuple(sites),
        features=tuple(features),
        notation=read_notation(table),
    ).completed()


_POLICY = ("threshold", "accepting", "minimum", "abandoning", "deadline", "upload_slot")
