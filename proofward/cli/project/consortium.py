"""`proofward consortium init`: a consortium's project file, the start-up kits of its sites, the authority."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from proofward.cli.common.answering import JSON, Refused, answering, tell
from proofward.cli.common.engine import ENGINE, installed
from proofward.cli.common.guard import GuardedGroup
from proofward.cli.common.usual import (
    DEADLINE,
    DELTA,
    EPSILON,
    GRANULARITIES,
    PORT,
    PRESET,
    PRIVATE_PRESET,
    PROJECT_FILE,
    RECORD,
    ROUNDS,
    examples,
    usual_minimum,
)
from proofward.cli.project.listed_presets import WithPresets
from proofward.cli.project.provisioned_kits import provision, provisioned
from proofward.cli.project.words.accuracy import about_accuracy
from proofward.engines.contract import AUTHORITY, KITS
from proofward.engines.operations.suggestions import command
from proofward.engines.registry import ENGINES, engine_of
from proofward.federation.messages.consortium.usual import (
    LEAST_HOSPITALS,
    MAX_DEADLINE,
    MAX_ROUNDS,
    MAX_UPLOAD_SLOT,
    UPLOAD_SLOT,
    usual_abandonments,
    usual_threshold,
    usual_verdicts,
)
from proofward.ledger.files import make_directory, write_file

if TYPE_CHECKING:
    from proofward.cli.project.consortium_file.project import Project
    from proofward.engines.remote.agreement.terms import Terms

FIRST_MODEL = "first-model.safetensors"


@click.group(cls=GuardedGroup)
def consortium() -> None:
    """Set up a consortium, at the coordinator's machine."""


@consortium.command(cls=WithPresets)
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--title", help="What the consortium is called.")
@click.option("--server", "servers", multiple=True, metavar="HOST[:PORT]", show_default=f"PORT {PORT}",
              help="A name or an IP address under which sites reach the server, in brackets where it has "
              "colons and a port follows; repeat it for several, the preferred one first.")  # fmt: skip
@click.option("--hospital", "hospitals", multiple=True, metavar="SITE", help="A site with data; repeat it.")
@click.option("--verifier", "verifiers", multiple=True, metavar="SITE",
              help="A site that verifies, a hospital or another; repeat it.")  # fmt: skip
@click.option("--epsilon", type=float, metavar="E",
              help="Differential privacy for each record over the whole federation: smaller is stricter, "
              f"{EPSILON:g} is usual. This or --no-dp has to be there.")  # fmt: skip
@click.option("--delta", type=float, metavar="D", default=DELTA, show_default=True,
              help="With which the promise of --epsilon may fail, below one in all records.")  # fmt: skip
@click.option("--granularity", type=click.Choice(GRANULARITIES), default=RECORD, show_default=True,
              help="What --epsilon protects: one patient's data, or all that a hospital has. The latter "
              "leaves little unless there are about a hundred hospitals.")  # fmt: skip
@click.option("--no-dp", is_flag=True, help="Exact sums: no differential privacy, which the terms then say.")
@click.option("--preset", metavar="NAME|FILE", show_default=f"{PRESET}, with --epsilon {PRIVATE_PRESET}",
              help="Model and training: a name listed below, or a file like those.")  # fmt: skip
@click.option("--rounds", type=click.IntRange(1, MAX_ROUNDS), default=ROUNDS, show_default=True,
              help="Rounds of training.")  # fmt: skip
@click.option("--threshold", type=click.IntRange(1), metavar="T",
              show_default=f"{examples(usual_threshold)} hospitals",
              help="So many hospitals may collude and learn nothing together.")  # fmt: skip
@click.option("--accepting", type=click.IntRange(1), metavar="K",
              show_default=f"{examples(usual_verdicts)} verifiers",
              help="Verdicts that accept a proof, a majority of the verifiers or more.")  # fmt: skip
@click.option("--minimum", type=click.IntRange(LEAST_HOSPITALS), metavar="M",
              show_default=f"{examples(usual_minimum)} hospitals",
              help="Fewest hospitals in a sum. With fewer, fewer dishonest ones open two sums.")  # fmt: skip
@click.option("--abandoning", type=click.IntRange(usual_abandonments(LEAST_HOSPITALS)), metavar="A",
              show_default=f"{examples(usual_abandonments)} hospitals",
              help="Hospitals that give a set up before its round is tried again.")  # fmt: skip
@click.option("--deadline", type=click.IntRange(1, MAX_DEADLINE), default=DEADLINE, show_default=True,
              help="Seconds that a phase waits for a member.")  # fmt: skip
@click.option("--upload-slot", type=click.IntRange(0, MAX_UPLOAD_SLOT), default=UPLOAD_SLOT,
              show_default=True, help="Uploads leave every so many seconds, so that their time tells nothing "
              "of the records; zero lets them leave at once.")  # fmt: skip
@click.option("--trusted-first-model", metavar="FILE",
              type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Start from this model.safetensors of an earlier federation instead of a model that the "
              "members draw. Whoever chose it can learn more than sums: the terms say so.")  # fmt: skip
@click.option("--draft", is_flag=True, help="Write consortium.toml only, to be edited; no kits.")
@click.option("--force", is_flag=True,
              help="Make kits anew; earlier ones are moved aside and of no use any more.")  # fmt: skip
@ENGINE
@JSON
@click.pass_context
def init(
    context: click.Context,
    /,
    folder: Path,
    draft: bool,
    force: bool,
    engine_name: str,
    as_json: bool,
    **options: Any,
) -> None:
    """Write DIR/consortium.toml and, made from it, a start-up kit for every site, in DIR/kits.

    Where DIR/consortium.toml is there already, it is read: leave the other options out then. Terms and
    normalisation are the same in every kit; DIR/authority can make certificates and belongs off the network.
    """
    engine = ENGINES[engine_name]
    if not draft:
        installed(engine)
    from proofward.cli.project.consortium_file.reading import read_project
    from proofward.cli.project.consortium_file.writing import project_text
    from proofward.cli.project.tables.table import ProjectError

    path = folder / PROJECT_FILE
    given = [name for name in options if context.get_parameter_source(name) == ParameterSource.COMMANDLINE]
    with answering(as_json):
        if path.exists() and not given:
            try:
                project = read_project(path)
            except ProjectError as error:
                raise Refused(f"{path}: {error}; correct the file and run the command again") from error
        elif path.exists() and not force:
            words = f"{path} is there already; leave out --{given[0]} and the like to use it"
            raise Refused(f"{words}, or give --force to write it anew")
        else:
            project = _from_options(options)
        before = _kits_before(folder, force, draft)
        if not draft:
            engine.require_room(folder, len(project.sites) + 2)
        chosen = options["trusted_first_model"] or project.first_model_beside(path)
        terms, chosen_file = _terms(project, chosen, path if not given else None)
        make_directory(folder)
        folder.chmod(0o700)
        if given:
            if chosen_file:
                copied = folder / FIRST_MODEL
                write_file(copied, chosen_file, copied.with_suffix(".tmp"), mode=0o600)
            write_file(path, project_text(project).encode(), path.with_suffix(".tmp"), mode=0o600)
        if draft:
            _tell_draft(path, project, as_json)
            return
        moved = provision(engine, folder, project, terms, chosen_file, before)
        _tell(folder, project, terms, moved, as_json)


def _from_options(options: Mapping[str, Any]) -> Project:
    """Raises UsageError."""
    from proofward.cli.project.consortium_file.project import Project, Site
    from proofward.cli.project.listed_presets import chosen_preset
    from proofward.cli.project.privacy_options import chosen_privacy
    from proofward.cli.project.tables.table import ProjectError
    from proofward.engines.remote.agreement.addresses import split_ports
    from proofward.federation.messages.consortium.rules import HOSPITAL, VERIFIER

    for name, flag in (("title", "title"), ("servers", "server"), ("hospitals", "hospital"),
                       ("verifiers", "verifier")):  # fmt: skip
        if not options[name]:
            raise click.UsageError(f"--{flag} is missing, and there is no consortium.toml to read")
    try:
        servers, port = split_ports(options["servers"])
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--server") from error
    listed = {HOSPITAL: options["hospitals"], VERIFIER: options["verifiers"]}
    for role, names in listed.items():
        if twice := [name for name in names if names.count(name) > 1]:
            raise click.UsageError(f"--{role} {twice[0]} is given twice")
    sites = tuple(
        Site(name, tuple(role for role in (HOSPITAL, VERIFIER) if name in listed[role]))
        for name in dict.fromkeys((*listed[HOSPITAL], *listed[VERIFIER]))
    )
    plain = ("rounds", "threshold", "accepting", "minimum", "abandoning", "deadline",
             "upload_slot")  # fmt: skip
    others = {name: options[name] for name in plain if options[name] is not None}
    others["privacy"] = privacy = chosen_privacy(options)
    preset = options["preset"] or (PRESET if privacy is None else PRIVATE_PRESET)
    if options["trusted_first_model"] is not None:
        others["trusted_first_model"] = FIRST_MODEL
    try:
        private = privacy if privacy is not None and privacy.by_record else None
        others.update(chosen_preset(preset, None if private is None else private.epsilon))
        return Project(options["title"], servers, sites, PORT if port is None else port, **others).completed()
    except ProjectError as error:
        raise click.UsageError(str(error)) from error


def _terms(project: Project, chosen: Path | None, path: Path | None) -> tuple[Terms, bytes]:
    """The terms, and the bytes of the trusted first model's file, b"" if there is none.

    chosen: that file. path: the project file that was read; without one, what is wrong is wrong usage.
    """
    from proofward.cli.common.expected_kernels import expect_kernels
    from proofward.cli.project.consortium_file.first_model import read_first_model
    from proofward.cli.project.tables.table import ProjectError

    expect_kernels()
    try:
        data = b"" if chosen is None else read_first_model(chosen, project.config())
        return project.terms(project.object_of(data)), data
    except ProjectError as error:
        if path is None:
            raise click.UsageError(str(error)) from error
        raise Refused(f"{path}: {error}; correct the file and run the command again") from error


def _kits_before(folder: Path, force: bool, draft: bool) -> list[Path]:
    """What earlier runs of the command left and kits would take the place of."""
    found = [folder / name for name in (KITS, AUTHORITY) if (folder / name).exists()]
    if not found or draft:
        return []
    if not force:
        words = f"{folder} has {' and '.join(path.name for path in found)} already, which were perhaps handed"
        words += " out; --force moves them aside and makes new ones, which do not work together with them"
        raise Refused(words)
    for kit in sorted((folder / KITS).glob("*")):
        if (process := engine_of(kit).running(kit)) is not None:
            raise Refused(f"process {process} runs {kit}; end it with `{command('stop', kit)}` first")
    return found


def _tell_draft(path: Path, project: Project, as_json: bool) -> None:
    lines = [f"{path}: {len(project.sites)} sites, {project.rounds} rounds of {project.setup.summary}"]
    lines += _about_features(project)
    lines.append(f"next: read and edit it, then `{command('consortium', 'init', path.parent)}`")
    tell({"did": "drafted", "project": str(path)}, lines, as_json)


def _about_features(project: Project) -> list[str]:
    if not project.placeholders:
        return []
    return [
        "its features are placeholders that change nothing: put names, centres and spreads in their place"
    ]


def _tell(folder: Path, project: Project, terms: Terms, aside: Path | None, as_json: bool) -> None:
    from proofward.cli.project.tables.privacy import delta_in_words
    from proofward.cli.project.words.terms import in_words

    listed, places = provisioned(folder, terms)
    constants = hashlib.sha256(project.schema.to_bytes()).hexdigest()
    plain = {
        "did": "provisioned", "project": str(folder / PROJECT_FILE), "terms": terms.digest.hex(),
        "features": constants, "kits": listed,
        "authority": str(folder / AUTHORITY), "moved_aside": None if aside is None else str(aside),
    }  # fmt: skip
    lines = [*in_words(terms, project.servers, project.port), "", *places]
    lines += [*delta_in_words(project.privacy), *_about_features(project), *about_accuracy(project, terms)]
    if aside is not None:
        lines.append(
            f"earlier kits are in {aside}: they hold keys and perhaps records; delete them if not needed"
        )
    lines += [
        "next, at every site but the coordinator's: proofward join KIT",
        "      at every hospital:                   proofward enrol KIT --data FILE.csv",
        "      then everywhere:                     proofward start KIT",
        "Compare the digests that `join` shows, by telephone: terms and features are the same everywhere.",
    ]
    tell(plain, lines, as_json)
