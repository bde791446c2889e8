"""What comparing hospitals' counts has shown, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from proofward.report.histograms.comparison import LEVEL, Comparison, Fall, Unlike
from proofward.report.histograms.evaluated import Group

MEANING = (
    "no rule is broken by that, and nothing follows from it: where all hospitals have like records, and no "
    f"model is worse than the one before it, at most 1 federation of {round(1 / LEVEL)} has such a line; "
    "hospitals whose patients differ are told apart as well"
)
MOST_LINES = 12


def comparison_lines(found: Comparison) -> Iterator[str]:
    """What stands out, and what that means; one line where nothing does, none where nothing is compared."""
    lines = [contradiction(*own) for own in found.contradictions]
    lines += [unlike_words(own) for own in found.unlike]
    lines += [fall_words(own) for own in found.falls]
    yield from lines[:MOST_LINES]
    if len(lines) > MOST_LINES:
        yield f"and {len(lines) - MOST_LINES} more like these, which --json lists"
    if found.unlike or found.falls:
        yield MEANING
    elif found.tests:
        yield f"nothing stands out in {found.tests:,} comparisons of hospitals and evaluations"


def contradiction(after: int, names: tuple[str, ...]) -> str:
    """What was published is not what was encrypted."""
    return f"after round {after} of training: what {', '.join(names)} published cannot all be in the sum"


def unlike_words(own: Unlike) -> str:
    """Whose counts are unlike whose."""
    who = ", ".join(own.names)
    if not own.published:
        who = f"those that published none ({who})"
    return (
        f"after round {own.after} of training the counts of {who} are unlike those of the others: "
        f"{_figures(own.own)}; the others {_figures(own.others)}"
    )


def fall_words(own: Fall) -> str:
    """Where a model got worse."""
    where = f" at {own.name}" if own.name else ""
    joined = f"; in these sums, and in none before, was {', '.join(own.joined)}" if own.joined else ""
    return (
        f"from round {own.before} to {own.after} of training the model got worse{where}: right on "
        f"{own.right[0]} of {own.rows} records, then on {own.right[1]}{joined}"
    )


def _figures(group: Group) -> str:
    share = group.accuracy.value
    area = "" if group.auc is None else f", AUC {group.auc:.3f}"
    return f"{'-' if share is None else f'{share:.1%}'} right{area}"
