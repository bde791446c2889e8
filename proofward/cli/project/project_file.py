"""consortium.toml, read: every value has a type and a range, and nothing unknown is passed over."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from proofward.cli.common.answering import Refused
from proofward.cli.common.console import WrongThing
from proofward.cli.common.usual import DEADLINE, PORT, PRESET, ROUNDS
from proofward.cli.project.image_table import read_image_schema
from proofward.cli.project.label_table import NOTATION_KEYS, read_feature, read_notation
from proofward.cli.project.project import Project, Site
from proofward.cli.project.project_table import ProjectError, Table
from proofward.data.schema import Notation
from proofward.engines.contract import AUTHORITY, KITS
from proofward.engines.remote.agreement.addresses import canonical
from proofward.federation.messages.usual import MAX_DEADLINE, MAX_UPLOAD_SLOT, UPLOAD_SLOT
from proofward.layers.errors import ConfigurationError
from proofward.ledger.reading import NotReadable, read_regular
from proofward.models.settings import Settings, settings_of

FILE_NAME = "consortium.toml"
TOP = ("title", "server", "port", "preset", "rounds", "trusted_first_model", "model", "training", "policy",
       "site", "feature", "images", *NOTATION_KEYS)  # fmt: skip
MAX_BYTES = 1 << 22
POLICY = ("threshold", "accepting", "minimum", "abandoning", "deadline", "upload_slot")


def read_project(path: Path) -> Project:
    """The project in a file, completed; raises ProjectError."""
    try:
        plain = tomllib.loads(read_regular(path, MAX_BYTES, follow=True).decode())
    except NotReadable as error:
        raise ProjectError(str(path), error.expected, error.actual) from error
    except (ValueError, RecursionError) as error:
        raise ProjectError(str(path), "a TOML file", str(error)) from error
    table = Table(plain, "", TOP)
    policy = Table(table.table("policy"), "policy.", POLICY)
    sites, features = [], []
    for where, values in table.tables("site"):
        entry = Table(values, where, ("name", "roles"))
        sites.append(Site(entry.text("name"), entry.roles()))
    for where, values in table.tables("feature", needed=False):
        features.append(read_feature(values, where))
    images = read_image_schema(table)
    return Project(
        title=table.text("title"),
        servers=_servers(table),
        port=table.integer("port", 1, 65535, PORT),
        preset=table.text("preset", PRESET),
        settings=_settings(plain),
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
        notation=read_notation(table) if images is None else Notation(),
        images=images,
    ).completed()


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
    """`read_project` for commands; raises WrongThing for a file of another kind, else Refused."""
    try:
        return read_project(path)
    except ProjectError as error:
        if path.is_file() and b"[[site]]" not in path.read_bytes()[:MAX_BYTES]:
            raise WrongThing(f"{path} is no consortium.toml: it names no [[site]]") from error
        raise Refused(f"{path}: {error}") from error


def require_consortium(folder: Path) -> None:
    """Raises WrongThing for a folder that has nothing of a consortium: no project, no kits, no authority."""
    if not any((folder / name).exists() for name in (FILE_NAME, KITS, AUTHORITY)):
        raise WrongThing(f"{folder} is no consortium's folder: it has neither {FILE_NAME} nor {AUTHORITY}")
