"""A consortium's project: what it agrees on, as people write it in consortium.toml."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from proofward.attestation.policy import Policy
from proofward.cli.common.usual import DEADLINE, PORT, PRESET, ROUNDS
from proofward.cli.project.consortium_file.admissible import provable_config
from proofward.cli.project.consortium_file.columns import MOST_TITLE, columns_of, placeholder_features
from proofward.cli.project.consortium_file.evaluated_rounds import agreed_rounds, counted_numbers
from proofward.cli.project.consortium_file.faults import scale_faults, server_faults
from proofward.cli.project.consortium_file.setup import setup_of
from proofward.cli.project.tables.chain import ChainTable
from proofward.cli.project.tables.committees import CommitteesTable
from proofward.cli.project.tables.declared import NONE as NONE_DECLARED
from proofward.cli.project.tables.declared import Declared
from proofward.cli.project.tables.outside import OutsideTable
from proofward.cli.project.tables.privacy import (
    PrivacyTable,
    check_beside,
    check_step,
    clips_records,
    mechanism_of,
    usual_weighting,
)
from proofward.cli.project.tables.table import ProjectError
from proofward.cli.project.tables.validation import ValidationTable
from proofward.data.columns.column_kinds import TableColumn
from proofward.data.columns.schema import FeaturesInvalid, Notation, Schema
from proofward.data.columns.subgroups import subgroups_of
from proofward.data.image_schema import MAX_TITLE, ImageSchema
from proofward.engines.remote.agreement.addresses import name_of
from proofward.engines.remote.agreement.names import fault_of_name
from proofward.engines.remote.agreement.terms import Seat, Terms
from proofward.federation.messages.basics.refusal import TRANSPORT
from proofward.federation.messages.consortium.rules import AGGREGATOR, HOSPITAL, VERIFIER, RulesError
from proofward.federation.messages.consortium.scaling import EVERYTHING, IN_ENTRIES, KEPT, RECOMPUTED, SINGLE
from proofward.federation.messages.consortium.usual import (
    LEAST_HOSPITALS,
    UPLOAD_SLOT,
    usual_abandonments,
    usual_threshold,
    usual_updates,
    usual_verdicts,
)
from proofward.layers.averaging.weighting import BY_RECORDS, Weighting
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.rules.subgroup import Subgroup
from proofward.models.presets import PRESET_FILES
from proofward.models.settings import Preset, Settings
from proofward.optimizers.contract import ServerOptimizer
from proofward.optimizers.registry import USUAL
from proofward.relations.rules.config import RoundConfig


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

    servers: names and IP addresses under which sites reach the server, in the order of preference.
    settings: of network, training and scales, as the file gives them; `preset` says what they leave open.
    optimizer: the server's, which makes the next model; weighting: what an update weighs in it.
    features, notation: of hospitals' tables; images: instead of them, where hospitals have images.
    validation: rows on which nobody trains, None for none. outside: a model that is evaluated untrained.
    trusted_first_model: name of a file beside the project's; "" for a first model that the members draw.
    declared: what the consortium says of itself, for the record.
    privacy: what is promised of each record, None where sums are exact. attestation: see Rules.
    chain: where the ledger is anchored, None for nowhere.
    committees: who holds shares and judges proofs, None where everybody does.
    sums, shares, sealing_keys, follow, verdicts: as in Scaling.
    """

    title: str
    servers: tuple[str, ...]
    sites: tuple[Site, ...]
    port: int = PORT
    preset: str = PRESET
    settings: Settings = field(default_factory=Settings)
    optimizer: ServerOptimizer = USUAL
    weighting: Weighting = BY_RECORDS
    rounds: int = ROUNDS
    threshold: int = 0
    accepting: int = 0
    minimum: int = 0
    abandoning: int = 0
    deadline: int = DEADLINE
    upload_slot: int = UPLOAD_SLOT
    trusted_first_model: str = ""
    features: tuple[TableColumn, ...] = ()
    notation: Notation = field(default_factory=Notation)
    images: ImageSchema | None = None
    validation: ValidationTable | None = None
    declared: Declared = NONE_DECLARED
    outside: OutsideTable | None = None
    privacy: PrivacyTable | None = None
    attestation: Policy | None = None
    chain: ChainTable | None = None
    committees: CommitteesTable | None = None
    sums: str = RECOMPUTED
    shares: str = KEPT
    sealing_keys: str = IN_ENTRIES
    follow: str = EVERYTHING
    verdicts: str = SINGLE

    @property
    def server(self) -> str:
        """The server's name."""
        return name_of(self.servers)

    @property
    def schema(self) -> Schema | ImageSchema:
        """What every hospital's data are, of a completed project: the columns of tables, or images."""
        if self.images is not None:
            return self.images
        return Schema(self.features, self.notation)

    @cached_property
    def setup(self) -> Preset:
        """Network and training of a completed project; raises ConfigurationError."""
        found = setup_of(self.preset, self.settings, self.schema, clips_records(self.privacy))
        whole = self.settings.over(self.usual)
        training = replace(
            found.training,
            validation_share=0 if self.validation is None else self.validation.share,
            later_rates=whole.later_rates(self.rounds),
        )
        numbers = found.model.parameters, self.threshold, self.minimum
        privacy = mechanism_of(self.privacy, self.rounds, *counted_numbers(self), *numbers)
        bound = found.clip_bound if privacy is None else privacy.clip_bound
        return replace(found, training=training, privacy=privacy, clip_bound=bound)

    @property
    def usual(self) -> Settings:
        """What the preset has for what the project leaves open."""
        return PRESET_FILES[self.preset].settings_for(clips_records(self.privacy))

    @property
    def placeholders(self) -> bool:
        """Whether the features are those that `completed` made up."""
        return self.images is None and self.features == placeholder_features(len(self.features))

    def first_model_beside(self, path: Path) -> Path | None:
        """The file of the trusted first model of the project in `path`."""
        return path.parent / self.trusted_first_model if self.trusted_first_model else None

    def object_of(self, chosen: bytes) -> bytes:
        """The object of a first model's file: its weights, which the file ends with; b"" for b""."""
        return chosen[-8 * self.setup.model.parameters :]

    def count(self, role: str) -> int:
        """Number of sites with a role."""
        return sum(role in site.roles for site in self.sites)

    def completed(self) -> Project:
        """With defaults in place of what was left open; raises ProjectError."""
        for fault in self.faults():
            raise fault
        hospitals, verifiers = self.count(HOSPITAL), self.count(VERIFIER)
        drawn = None if self.committees is None else self.committees.completed(hospitals, verifiers)
        colluding = 0 if drawn is None else drawn.collusion(hospitals)
        abandoning = 0 if drawn is None else drawn.abandonments(hospitals)
        threshold = self.threshold or colluding or usual_threshold(hospitals)
        if colluding and threshold != colluding:
            expected = f"{colluding}, which follows from [committees], or nothing"
            raise ProjectError("policy.threshold", expected, threshold)
        completed = replace(
            self,
            threshold=threshold,
            minimum=self.minimum or usual_updates(hospitals, threshold),
            abandoning=self.abandoning or abandoning or usual_abandonments(hospitals),
            accepting=self.accepting or usual_verdicts(verifiers),
            committees=drawn,
            features=columns_of(self.preset, self.features, self.notation, self.title)
            if self.images is None
            else (),
            weighting=usual_weighting(self.privacy, self.weighting),
        )
        try:
            check_step(self.privacy, self.settings)
            setup, exact = completed.setup, (self.outside, self.notation.statistics)
            check_beside(self.privacy, self.settings, setup.training, self.validation is not None, *exact)
            if self.images is not None:
                self.images.check(setup.scales)
        except ConfigurationError as error:
            raise ProjectError(error.field, error.expected, error.actual) from error
        except FeaturesInvalid as error:
            raise ProjectError("validation", "columns of the table", str(error)) from error
        return completed

    @property
    def subgroups(self) -> tuple[Subgroup, ...]:
        """By which a completed project is evaluated apart."""
        names = () if (table := self.outside or self.validation) is None else table.subgroups
        row, offset = self.features, 0
        if self.images is not None:
            row = () if self.images.row is None else self.images.row.features
            offset = self.images.picture_size
        return subgroups_of(row, names, offset)

    def faults(self) -> Iterator[ProjectError]:
        """Everything that is wrong with title, names, sites and servers."""
        longest = MOST_TITLE if self.images is None else MAX_TITLE
        if not 1 <= len(self.title) <= longest or not self.title.isprintable():
            yield ProjectError("title", f"1 to {longest} printable characters", repr(self.title))
        yield from server_faults(self.servers)
        if self.preset not in PRESET_FILES:
            yield ProjectError("preset", f"one of {', '.join(sorted(PRESET_FILES))}", repr(self.preset))
        else:
            yield from scale_faults(self.settings.over(self.usual).scales, bool(self.trusted_first_model))
        name = self.trusted_first_model
        if name and (Path(name).name != name or not name.isprintable()):
            yield ProjectError("trusted_first_model", "the name of a file in the same folder", repr(name))
        for site in self.sites:
            longest = max(len(seat.member) for seat in site.seats())
            if (fault := fault_of_name(site.name)) or longest > 40 or site.name == TRANSPORT:
                expected = "lower-case letters, digits and hyphens, members' names of at most 40"
                yield ProjectError("site name", expected, fault or repr(site.name))
            if self.servers and site.name == self.server:
                yield ProjectError("site name", "another name than the server's", site.name)
        names = [site.name for site in self.sites]
        members = [seat.member for site in self.sites for seat in site.seats()]
        for what, found in (("site", names), ("member", [AGGREGATOR, *members])):
            if twice := sorted({name for name in found if found.count(name) > 1}):
                yield ProjectError(what, "distinct names", f"{', '.join(twice)} twice")
        if (count := self.count(HOSPITAL)) < LEAST_HOSPITALS:
            yield ProjectError("site", "three hospitals: of two each can subtract its own update", count)
        if not self.count(VERIFIER):
            yield ProjectError("site", "at least one verifier", 0)

    def config(self) -> RoundConfig:
        """The configuration of a completed project; raises ProjectError if no round of it can be proved."""
        if not self.threshold < (hospitals := self.count(HOSPITAL)):
            raise ProjectError("policy.threshold", f"fewer than the {hospitals} hospitals", self.threshold)
        return provable_config(self.setup, *self.holding, self.optimizer, self.weighting)

    @property
    def holding(self) -> tuple[int, int]:
        """How many hospitals hold shares of a completed project's keys, and how many may collude."""
        hospitals, drawn = self.count(HOSPITAL), self.committees
        return (hospitals, self.threshold) if drawn is None else drawn.holding(hospitals, self.threshold)

    def terms(self, model: bytes = b"") -> Terms:
        """The terms of a completed project; raises ProjectError.

        model: the trusted first model, as an object's bytes; b"" for one that the members draw.
        """
        seats, (config, rounds, counted) = [Seat(AGGREGATOR, AGGREGATOR, self.server)], agreed_rounds(self)
        seats += [seat for site in self.sites for seat in site.seats()]
        try:
            terms = Terms.of(
                config,
                federation=self.schema.title(self.title),
                seats=tuple(sorted(seats, key=lambda seat: seat.member)),
                accepting_verdicts=self.accepting,
                minimum_updates=self.minimum,
                abandonments=self.abandoning,
                rounds=rounds,
                counted=counted,
                stops=None if self.validation is None else self.validation.stopping,
                asked=self.attestation,
                initial_model=hashlib.sha256(model).digest() if model else b"",
                deadline=self.deadline,
                upload_slot=self.upload_slot,
                sums=self.sums,
                shares=self.shares,
                sealing_keys=self.sealing_keys,
                follow=self.follow,
                verdicts=self.verdicts,
                declared=self.declared.of(seats),
                anchored=None if self.chain is None else self.chain.terms(seats[1:]),
                drawn=None if self.committees is None else self.committees.committees,
            )
            terms.check()
        except RulesError as error:
            raise ProjectError("policy", "thresholds that fit the members", str(error)) from error
        return terms
