"""What the hospitals of a federation agree on: by keywords and what their tables have, or by a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from proofward.api.recipe import Recipe
from proofward.api.refusals import SettingsRefused, TablesRefused, refusing
from proofward.api.sources import all_columns, computed_classes, computed_features
from proofward.cli.kit.data_file import DataFile
from proofward.cli.project.project import Project
from proofward.cli.project.project_file import opened_project
from proofward.cli.project.project_text import project_text
from proofward.cli.project.validation_table import plain_validation
from proofward.data.schema import Feature, Label, Notation
from proofward.federation.messages.rules import HOSPITAL
from proofward.layers.plain import shown
from proofward.models.presets import PRESET_FILES
from proofward.models.settings import MODEL_KEYS, TRAINING_KEYS

COMPUTED = (
    "centre and spread of the columns are computed over the rows of all sites, which this process holds; in "
    "a real consortium nobody does, and `proofward consortium statistics` counts them before training"
)
Tell = Callable[[str], None]


class Terms(Protocol):
    """Where a project comes from."""

    @property
    def notation(self) -> Notation:
        """How tables are written, without what only they say."""
        ...

    @property
    def path(self) -> Path:
        """Of the file, beside which a trusted first model lies."""
        ...

    @property
    def names(self) -> Sequence[str] | None:
        """Of the features, where they are agreed on before there are tables."""
        ...

    def project(self, sources: Mapping[str, DataFile], tell: Tell) -> tuple[Project, Path]:
        """What is agreed, and the file that says so; raises SettingsRefused, TablesRefused."""
        ...

    def settings(self) -> dict[str, Any]:
        """What is known of it before there are tables."""
        ...


@dataclass(frozen=True)
class FileTerms:
    """Those of a consortium.toml."""

    agreed: Project
    path: Path

    @classmethod
    def of(cls, path: Path) -> FileTerms:
        """Raises SettingsRefused."""
        with refusing(SettingsRefused):
            project = opened_project(path)
        if project.images is not None:
            words = "its hospitals have images, and here tables are taken; `proofward simulate` runs it"
            raise SettingsRefused(f"{path}: {words}")
        return cls(project, path)

    @property
    def notation(self) -> Notation:
        """See Terms."""
        return self.agreed.notation

    @property
    def names(self) -> Sequence[str]:
        """See Terms."""
        return [entry.name for entry in self.agreed.features]

    def project(self, sources: Mapping[str, DataFile], tell: Tell) -> tuple[Project, Path]:
        """See Terms; the hospitals have to be the file's."""
        wanted = [site.name for site in self.agreed.sites if HOSPITAL in site.roles]
        if set(wanted) != set(sources):
            words = f"a table for each of {', '.join(wanted)}, the hospitals of {self.path}"
            raise TablesRefused(f"sites: expected {words}, found {', '.join(sources) or 'none'}")
        return self.agreed, self.path

    def settings(self) -> dict[str, Any]:
        """See Terms."""
        return settings_of(self.agreed)


@dataclass(frozen=True)
class KeywordTerms:
    """Those of keywords. features, label: None where the tables say them."""

    recipe: Recipe
    features: tuple[Feature, ...] | None
    label: Label | None

    @property
    def path(self) -> Path:
        """See Terms."""
        return self.recipe.path

    @property
    def notation(self) -> Notation:
        """See Terms."""
        return self.recipe.notation

    @property
    def names(self) -> Sequence[str] | None:
        """See Terms."""
        return None if self.features is None else [entry.name for entry in self.features]

    def project(self, sources: Mapping[str, DataFile], tell: Tell) -> tuple[Project, Path]:
        """See Terms."""
        features, label, column = self.features, self.label, self.notation.label.column
        if sources and (features is None or label is None):
            found = all_columns(sources, self.notation)
            label = label or computed_classes(found, column)
            if features is None:
                with refusing(TablesRefused):
                    features = computed_features(found)
                tell(COMPUTED)
        return self.recipe.project(sources, features or (), label or self.notation.label), self.path

    def settings(self) -> dict[str, Any]:
        """See Terms."""
        return dict(self.recipe.given)


def settings_of(project: Project) -> dict[str, Any]:
    """Of a completed project, by the names that keywords have."""
    whole = project.settings.over(PRESET_FILES[project.preset].settings)
    optimizer = project.optimizer
    numbers = {name: float(shown(getattr(optimizer, name))) for name in optimizer.names()}
    weighting: dict[str, object] = {"weighting": project.weighting.rule}
    if project.weighting.cap:
        weighting["cap"] = project.weighting.cap
    values = {name: getattr(whole, name) for name in (*MODEL_KEYS, *TRAINING_KEYS)}
    policy = ("threshold", "accepting", "minimum", "abandoning")
    return {
        "title": project.title,
        "rounds": project.rounds,
        **{name: _plain(value) for name, value in values.items() if value is not None},
        "aggregation": {"optimizer": optimizer.name, **numbers, **weighting},
        **{name: getattr(project, name) for name in policy},
        "sites": {site.name: list(site.roles) for site in project.sites},
        **({"scales": dict(whole.scales.given)} if whole.scales.given else {}),
        **({"first_model": project.trusted_first_model} if project.trusted_first_model else {}),
        **({} if project.validation is None else {"validation": plain_validation(project.validation)}),
        **({"id": project.notation.id} if project.notation.id else {}),
        "label": project.notation.label.column,
        "ignore": list(project.notation.ignore),
        "decimal": project.notation.decimal,
        "classes": list(project.schema.classes),
        "features": {
            entry.name: (entry.centre, entry.spread) if isinstance(entry, Feature) else entry.to_plain()
            for entry in project.features
        },
    }  # fmt: skip


def _plain(value: Any) -> Any:
    """A setting as a keyword has it."""
    if hasattr(value, "to_plain"):
        return value.to_plain()
    return list(value) if isinstance(value, tuple) else value


def write_project(project: Project, source: Path, target: Path) -> Path:
    """Writes a completed project's file; a first model that lies beside `source` is copied beside it."""
    chosen, beside = project.first_model_beside(source), project.first_model_beside(target)
    if chosen is not None and beside is not None and chosen.resolve() != beside.resolve():
        beside.write_bytes(chosen.read_bytes())
    target.write_text(project_text(project))
    return target
