"""consortium.toml, read: every value has a type and a range, and nothing unknown is passed over."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from proofward.cli.common.answering import Refused
from proofward.cli.common.console import WrongThing
from proofward.cli.common.usual import PROJECT_FILE
from proofward.cli.project.consortium_file.keys import POLICY, SITE, TOP
from proofward.cli.project.consortium_file.project import Project, Site
from proofward.cli.project.tables.aggregation import read_optimizer, read_weighting
from proofward.cli.project.tables.attestation import read_attestation
from proofward.cli.project.tables.chain import read_chain
from proofward.cli.project.tables.committees import read_committees
from proofward.cli.project.tables.declared import Declared, read_declared
from proofward.cli.project.tables.features import CODES, read_feature, with_shared_codes
from proofward.cli.project.tables.frozen import with_frozen_part
from proofward.cli.project.tables.images import read_image_schema
from proofward.cli.project.tables.label import read_notation
from proofward.cli.project.tables.outside import read_outside_model
from proofward.cli.project.tables.privacy import read_privacy
from proofward.cli.project.tables.table import ProjectError, Table
from proofward.cli.project.tables.validation import read_validation
from proofward.data.columns.schema import Notation
from proofward.engines.contract import AUTHORITY, KITS
from proofward.engines.remote.agreement.addresses import canonical
from proofward.federation.messages.consortium.scaling import FOLLOWING, SEALING_KEYS, SHARES, SUMS, VERDICTS
from proofward.layers.basics.errors import ConfigurationError
from proofward.ledger.reading import NotReadable, read_regular
from proofward.models.keys import Keys
from proofward.models.settings import Settings, settings_of

T = TypeVar("T")
MAX_BYTES = 1 << 22


def read_project(path: Path) -> Project:
    """The project in a file, completed; raises the first ProjectError."""
    project, problems = read_whole_project(path)
    if project is None:
        raise problems[0]
    return project


def read_whole_project(path: Path) -> tuple[Project | None, list[ProjectError]]:
    """The project in a file, completed; or everything that is wrong with its values.

    What depends on several values together is looked at once each makes sense by itself.
    """
    try:
        plain = tomllib.loads(read_regular(path, MAX_BYTES, follow=True).decode())
    except NotReadable as error:
        return None, [ProjectError(str(path), error.expected, error.actual)]
    except (ValueError, RecursionError) as error:
        return None, [ProjectError(str(path), "a TOML file", str(error))]
    return project_of(plain, path.parent)


def project_of(plain: Mapping[str, Any], folder: Path) -> tuple[Project | None, list[ProjectError]]:
    """The project in the values of such a file, completed; or everything that is wrong with them.

    folder: where files that it names lie.
    """
    reading = _Reading(folder)
    values = reading.values(with_shared_codes(plain))
    if reading.problems:
        return None, reading.problems
    project = Project(**values)
    if faults := list(project.faults()):
        return None, faults
    try:
        return project.completed(), []
    except ProjectError as error:
        return None, [error]


class _Reading:
    """Reads value by value and goes on behind a wrong one; `problems` has them in order.

    folder: where files that the project names lie.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.problems: list[ProjectError] = []

    def _get(self, read: Callable[[], T]) -> T | None:
        try:
            return read()
        except ProjectError as error:
            self.problems.append(error)
            return None

    def _table(self, values: Mapping[str, Any], where: str, keys: Keys) -> Table:
        """A table without the keys that it does not know, each of which is a problem."""
        for key in values:
            self._get(lambda: Table({key: None}, where, keys))
        return Table({key: value for key, value in values.items() if key in keys.names}, where, keys)

    def values(self, plain: Mapping[str, Any]) -> dict[str, Any]:
        """The fields of a project."""
        table = self._table(plain, "", TOP)
        policy = self._table(self._get(lambda: table.table("policy")) or {}, "policy.", POLICY)
        sites = [
            self._get(lambda: _site(entry, where))
            for where, entry in self._get(lambda: table.tables("site")) or []
        ]
        features = [
            self._get(lambda: read_feature(entry, where))
            for where, entry in self._get(lambda: table.tables("feature", needed=False)) or []
        ]
        images = self._get(lambda: with_frozen_part(read_image_schema(table), table, self.folder))
        if CODES in plain:
            words = "with [[feature]] only, whose columns have them"
            self.problems.append(ProjectError(CODES, words, "no [[feature]]"))
        if plain.get("images") is None and plain.get("table") is not None:
            words = "with [images] only, to which the rows of a table are joined"
            self.problems.append(ProjectError("table", words, "no [images]"))
        return {
            "title": self._get(lambda: table.text("title")),
            "servers": self._get(lambda: _servers(table)),
            "port": self._get(lambda: table.integer("port")),
            "preset": self._get(lambda: table.text("preset")),
            "settings": self._settings(plain),
            "optimizer": self._get(lambda: read_optimizer(table.table("aggregation"))),
            "weighting": self._get(lambda: read_weighting(table.table("aggregation"))),
            "validation": self._get(lambda: read_validation(table.table("validation"))),
            "privacy": self._get(lambda: read_privacy(table.table("privacy"))),
            "attestation": self._get(lambda: read_attestation(table.table("attestation"))),
            "chain": self._get(lambda: read_chain(table.table("chain"))) if table.has("chain") else None,
            "committees": self._get(lambda: read_committees(table.table("committees")))
            if table.has("committees")
            else None,
            "outside": self._get(lambda: read_outside_model(table.table("outside_model"))),
            "rounds": self._get(lambda: table.integer("rounds")),
            "sums": self._get(lambda: _option(table, "sums", SUMS)),
            "shares": self._get(lambda: _option(table, "shares", SHARES)),
            "sealing_keys": self._get(lambda: _option(table, "sealing_keys", SEALING_KEYS)),
            "follow": self._get(lambda: _option(table, "follow", FOLLOWING)),
            "verdicts": self._get(lambda: _option(table, "verdicts", VERDICTS)),
            "trusted_first_model": self._get(lambda: table.text("trusted_first_model")),
            **{name: self._get(lambda: _policy(policy, name)) for name in POLICY.names},
            "sites": tuple(sites),
            "features": () if plain.get("images") is not None else tuple(features),
            "notation": Notation()
            if plain.get("images") is not None
            else self._get(lambda: read_notation(table)),
            "images": images,
            "declared": self._get(lambda: read_declared(table)) or Declared(),
        }

    def _settings(self, plain: Mapping[str, Any]) -> Settings | None:
        """The settings together, where each makes sense by itself."""
        before = len(self.problems)
        for section in ("model", "training", "scales"):
            values = plain.get(section, {})
            for key in values if isinstance(values, dict) else ():
                self._get(lambda: _settings({section: {key: values[key]}}))
        return self._get(lambda: _settings(plain)) if len(self.problems) == before else None


def _option(table: Table, name: str, options: tuple[str, ...]) -> str:
    if (found := table.text(name)) not in options:
        raise ProjectError(name, f"one of {', '.join(options)}", found)
    return found


def _policy(policy: Table, name: str) -> int:
    """A number of [policy], 0 where one follows from the number of sites."""
    return policy.integer(name) if policy.has(name) or POLICY[name].usual is not None else 0


def _site(values: Mapping[str, Any], where: str) -> Site:
    entry = Table(values, where, SITE)
    return Site(entry.text("name"), entry.roles())


def _servers(table: Table) -> tuple[str, ...]:
    """One name or address, or a list of them."""
    several = isinstance(table.peek("server"), list)
    return tuple(map(canonical, table.texts("server") if several else [table.text("server")]))


def _settings(plain: Mapping[str, Any]) -> Settings:
    try:
        return settings_of(plain)
    except ConfigurationError as error:
        raise ProjectError(error.field, error.expected, repr(error.actual)[:80]) from error


def opened_project(path: Path) -> Project:
    """For commands; raises WrongThing for a file of another kind, else Refused with all that is wrong."""
    project, problems = read_whole_project(path)
    if project is not None:
        return project
    if path.is_file() and b"[[site]]" not in path.read_bytes()[:MAX_BYTES]:
        raise WrongThing(f"{path} is no consortium.toml: it names no [[site]]")
    if len(problems) == 1:
        raise Refused(f"{path}: {problems[0]}")
    raise Refused(f"{path}: {len(problems)} to mend", list(map(str, problems)))


def require_consortium(folder: Path) -> None:
    """Raises WrongThing for a folder that has nothing of a consortium: no project, no kits, no authority."""
    if not any((folder / name).exists() for name in (PROJECT_FILE, KITS, AUTHORITY)):
        missing = f"neither {PROJECT_FILE} nor {AUTHORITY}"
        raise WrongThing(f"{folder} is no consortium's folder: it has {missing}")
