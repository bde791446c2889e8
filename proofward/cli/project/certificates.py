"""`proofward certificates`: TLS certificates, renewed by the coordinator and put in at the sites."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from proofward.cli.common.answering import JSON, KIT, Refused, answering, tell
from proofward.cli.common.console import WrongThing
from proofward.cli.common.guard import GuardedGroup

RENEWED = "renewed"
VALID_DAYS = 360


@click.group(cls=GuardedGroup)
def certificates() -> None:
    """Renew TLS certificates before they end; a federation under way goes on."""


@certificates.command()
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--site", "sites", multiple=True, metavar="NAME", show_default="all",
    help="Only this one; may be repeated.",
)  # fmt: skip
@click.option(
    "--days",
    type=click.IntRange(1, 3650),
    default=VALID_DAYS,
    show_default=True,
    help="How long they are valid.",
)
@JSON
def renew(folder: Path, sites: tuple[str, ...], days: int, as_json: bool) -> None:
    """Make DIR/renewed/SITE.crt for every site, with the authority's key in DIR/authority.

    The new certificates are for the sites' present keys and are no secret: send them by any way.
    """
    from proofward.cli.project.consortium_file.reading import require_consortium
    from proofward.engines.contract import RenewalRefused
    from proofward.engines.registry import engine_of_authority
    from proofward.ledger.files import make_directory, write_file

    with answering(as_json):
        require_consortium(folder)
        try:
            authority = engine_of_authority(folder).authority(folder)
            unknown = sorted(set(sites) - set(authority.sites))
            if unknown:
                raise Refused(
                    f"no certificate was made for {', '.join(unknown)}: {', '.join(authority.sites)}"
                )
            now, made = datetime.now(UTC), {}
            for site in sites or authority.sites:
                made[site] = authority.renew(site, now, days)
        except RenewalRefused as error:
            raise Refused(str(error)) from error
        make_directory(folder / RENEWED)
        lines = []
        for site, data in made.items():
            path = folder / RENEWED / f"{site}.crt"
            write_file(path, data, path.with_suffix(".tmp"), mode=0o644)
            lines.append(f"{path}")
        lines.append("next, at each site: proofward certificates install KIT SITE.crt")
        tell(
            {"did": "renewed", "sites": sorted(made), "days": days, "folder": str(folder / RENEWED)},
            lines,
            as_json,
        )


@certificates.command()
@KIT
@click.argument("file", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@JSON
def install(kit: Path, file: Path, as_json: bool) -> None:
    """Put the renewed certificate FILE into KIT, if it is for KIT's key and of the same authority."""
    from proofward.engines.contract import MAX_CERTIFICATE_BYTES, RenewalRefused
    from proofward.engines.registry import engine_of
    from proofward.ledger.files import write_file
    from proofward.ledger.reading import NotReadable, read_regular

    with answering(as_json):
        engine = engine_of(kit)
        engine.kind(kit)
        try:
            data = read_regular(file, MAX_CERTIFICATE_BYTES, follow=True)
            new = engine.check_renewed(data, kit, datetime.now(UTC))
        except NotReadable as error:
            raise WrongThing(f"{file}: not a certificate in PEM: found {error.actual}") from error
        except RenewalRefused as error:
            raise Refused(f"{file}: {error}") from error
        path = engine.certificates(kit).certificate_path
        write_file(path, data, path.with_suffix(".tmp"), mode=0o600)
        until = f"{new.not_valid_after_utc:%Y-%m-%d}"
        lines = [f"{path}: valid until {until}; it takes effect when the site is stopped and started again"]
        tell({"did": "installed", "until": until}, lines, as_json)
