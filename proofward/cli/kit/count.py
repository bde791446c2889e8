"""`proofward count`: a hospital's counts of an outside model, which its consortium sums."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from proofward.cli.common.answering import JSON, KIT, Refused, answering, choose, opened, tell
from proofward.cli.kit.enrol import next_lines, noted_counts
from proofward.cli.kit.records.data_file import data_file, data_options, described, schema_of

if TYPE_CHECKING:
    from proofward.engines.remote.agreement.terms import Terms
    from proofward.relations.rules.counting import Counting
    from proofward.relations.scores.score_layout import ScoreLayout


@click.command()
@KIT
@click.argument("model", metavar="MODEL.onnx", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@data_options
@click.option("--member", metavar="NAME", help="Which hospital, if the site has several.")
@click.option("--force", is_flag=True, help="Count what can be read but looks wrong.")
@click.option("--publish-evaluations", "publish", is_flag=True,
              help="Publish this hospital's own counts, signed, on the ledger; without it only the sum of "
                   "all hospitals is opened.")  # fmt: skip
@JSON
def count(
    kit: Path, model: Path, member: str | None, force: bool, publish: bool, as_json: bool, **options: Any
) -> None:
    """Count how an outside MODEL scores a hospital's records, for a consortium that evaluates that model.

    MODEL.onnx has to have the digest that the consortium agreed on. The columns are those in
    KIT/proofward/features.json. The counts are kept in KIT, readable by its owner only; the running site
    encrypts them, and only the sum of all hospitals' counts is opened.
    """
    from proofward.federation.messages.consortium.rules import HOSPITAL

    with answering(as_json):
        from proofward.cli.kit.records.scored_file import outside_counts
        from proofward.engines.remote.agreement.own_counts import save_counts, set_publishes_counts

        home = opened(kit)
        counting, layout = _outside(home.terms)
        seats = [seat for seat in home.seats if seat.role == HOSPITAL]
        name = choose(seats, member, "has data", "--member").member
        schema, file = schema_of(home), data_file(options)
        table, counts = outside_counts(model, schema, file, layout)
        doubts = [doubt.words for doubt in table.doubts]
        if doubts and not force:
            words = "nothing was counted, for this would spoil what all count together; --force counts it"
            raise Refused(f"{file.path}: {words}", doubts)
        set_publishes_counts(home, name, publish)
        save_counts(home, name, counting, counts)
        plain, lines = described(table, schema)
        lines = [f"{name}: counted {lines[0]}", *lines[1:], *(f"forced although {words}" for words in doubts)]
        noted = noted_counts(home, name, file, table.records.features.tobytes())
        lines += noted
        lines += ["its own counts will be published"] if publish else []
        lines += next_lines(kit)
        said = {"did": "counted", "member": name, "forced": bool(doubts), "publishes": publish}
        tell({**said, "noted": noted, **plain}, lines, as_json)


def _outside(terms: Terms) -> tuple[Counting, ScoreLayout]:
    """The evaluation of an outside model that terms agree on; raises Refused, RulesError."""
    from proofward.relations.scores.score_counting import layout_in

    for counting in terms.counted:
        layout = layout_in(counting)
        if layout is not None and layout.outside:
            return counting, layout
    raise Refused("this consortium evaluates no outside model: its consortium.toml has no [outside_model]")
