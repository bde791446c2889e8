"""All engines that carry requests between sites; to add one is a line here."""

from __future__ import annotations

from pathlib import Path

from proofward.engines.contract import AUTHORITY, ENGINE_NAME, Engine, KitError, home_of
from proofward.engines.flare.engine import FlareEngine

ENGINES: dict[str, Engine] = {
    FlareEngine.name: FlareEngine(),
}
"""By name. The first is the one taken unless another is named."""
USUAL = next(iter(ENGINES))
BEFORE_RECORDS = FlareEngine.name
"""The engine of kits of earlier releases, which name none."""


def engine_of(kit: Path) -> Engine:
    """The engine that made a kit; raises KitError when it is none of this release."""
    return _recorded(home_of(kit))


def engine_of_authority(folder: Path) -> Engine:
    """The engine that made the authority of the consortium in `folder`; raises KitError."""
    return _recorded(folder / AUTHORITY)


def _recorded(folder: Path) -> Engine:
    path = folder / ENGINE_NAME
    try:
        name = path.read_text().strip()
    except (FileNotFoundError, NotADirectoryError):
        name = BEFORE_RECORDS
    except (OSError, ValueError) as error:
        raise KitError(f"{path} cannot be read: {error}; restore it") from error
    if name not in ENGINES:
        expected = f"expected {' or '.join(ENGINES)}, found {name!r}"
        raise KitError(f"{path}: {expected}; use the release of ProofWard that made the kit")
    return ENGINES[name]
