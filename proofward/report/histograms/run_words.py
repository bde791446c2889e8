"""The evaluations of a federation in words: lines for a screen, sections of a page."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from proofward.privacy.words import EXACT_COUNTS
from proofward.report.handover.models.two_forms import plain
from proofward.report.histograms.evaluated import Group
from proofward.report.histograms.of_run import Evaluation
from proofward.report.histograms.pictures import pictures
from proofward.report.histograms.ranking import area_interval, roc_area
from proofward.report.histograms.words import sections

PREFIX = "validation-"
"""Of the names of pictures."""


def drawn_last(found: Sequence[Evaluation]) -> dict[str, bytes]:
    """Pictures of the last evaluation, where it counted anything; raises PicturesUnavailable."""
    if not found or not found[-1].evaluated.counted:
        return {}
    return {f"{PREFIX}{name}": data for name, data in pictures(found[-1].evaluated, found[-1].words).items()}


def run_lines(found: Sequence[Evaluation]) -> Iterator[str]:
    """A line for each evaluation, and what holds of all."""
    for own in found:
        start = f"{own.of_model}, {own.words}: "
        yield start + (short(own.evaluated.whole) if own.evaluated.counted else own.without)
    if found and found[-1].stopping:
        yield found[-1].stopping
    if found:
        yield found[-1].standing
    if found and found[0].outside_budget:
        yield EXACT_COUNTS
    if found and found[-1].noise:
        yield found[-1].noise_words


def run_sections(found: Sequence[Evaluation], drawn: Collection[str]) -> Iterator[str]:
    """The lines of a page. drawn: names of pictures beside it, which begin with PREFIX."""
    if not found:
        return
    title, start = "on the hospitals' validation parts", "After these rounds every hospital counted how the"
    of = "model scores the records of its validation part, on which nobody trains."
    if found[0].outside:
        title, start = "of an outside model", f"Every hospital counted how {found[0].of_model} scores"
        of = "its records."
    yield from (f"## Evaluation {title}", "")
    yield f"{start} {of} Only the sums of all hospitals' counts were opened. {found[-1].standing}"
    if found[0].outside_budget:
        yield f"{EXACT_COUNTS[0].upper()}{EXACT_COUNTS[1:]}."
    if found[-1].noise:
        yield f"{found[-1].noise_words[0].upper()}{found[-1].noise_words[1:]}."
    yield ""
    yield from ("| rounds of training | hospitals | records | accuracy | AUC | Brier score |",
                "| ---: | ---: | ---: | ---: | ---: | ---: |")  # fmt: skip
    for own in found:
        cells = ["-"] * 3 if not own.evaluated.counted else cells_of(own.evaluated.whole)
        rows = own.evaluated.blocks[0].rows
        yield f"| {own.after} | {len(own.hospitals)} | {rows:,} | {' | '.join(cells)} |"
    yield ""
    for own in found:
        if own.impossible:
            yield from (f"{own.of_model[0].upper()}{own.of_model[1:]}: {own.without}.", "")
    last = found[-1]
    if last.stopping:
        yield from (f"{last.stopping[0].upper()}{last.stopping[1:]}.", "")
    if last.evaluated.counted:
        yield from (f"Of the last of them, {last.words}:", "")
        yield from sections(last.evaluated, [name.removeprefix(PREFIX) for name in drawn], PREFIX)
    yield from _sites(last)


def short(group: Group) -> str:
    """Accuracy, AUC and Brier score in a line."""
    accuracy, auc, brier = cells_of(group)
    return f"accuracy {accuracy}, AUC {auc}, Brier score {brier}"


def cells_of(group: Group) -> list[str]:
    """Accuracy, AUC and Brier score."""
    auc = "-" if group.auc is None else f"{group.auc:.3f}"
    if len(group.classes) == 1 and group.classes[0].of.tells:
        of = group.classes[0].of
        low, high = area_interval(of)
        auc = f"{roc_area(of).value:.3f} ({low:.3f} to {high:.3f})"
    return [group.accuracy.words, auc, f"{group.brier.value:.4f}"]


def _sites(last: Evaluation) -> Iterator[str]:
    """What hospitals have chosen to publish of the last evaluation."""
    if not last.sites:
        return
    how = "and proved that they are what is in the sum" if last.proved else "signed and not proved"
    yield f"These hospitals have published their own counts, {how}:"
    yield ""
    yield from ("| hospital | records | accuracy | AUC | Brier score |",
                "| --- | ---: | ---: | ---: | ---: |")  # fmt: skip
    for name, own in last.sites.items():
        if own is None:
            yield f"| {plain(name)} | {last.none_published} | | | |"
        else:
            group = own.whole
            yield f"| {plain(name)} | {group.block.rows:,} | {' | '.join(cells_of(group))} |"
    yield ""
