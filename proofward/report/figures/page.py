"""The page of a run, in Markdown: on one screen what its model does, in words, with the pictures."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from proofward.report.figures.summary import CONFUSION_NAME, CURVES_NAME, ROC_NAME, Summary
from proofward.report.handover.models.two_forms import plain

_TITLES = {
    CURVES_NAME: "Loss, accuracy and AUC by round",
    ROC_NAME: "ROC curve after the last round",
    CONFUSION_NAME: "Confusion after the last round",
}


def page(
    title: str,
    found: Summary,
    pictures: Collection[str],
    of_records: str,
    missing: str,
    *,
    made: str = "",
) -> str:
    """The page's text.

    made: a sentence on how the models were made. pictures: names of those beside the page. of_records: where
    the one of records is, relative to the page, "" for none. missing: why there are no pictures, "" where
    there are.
    """
    return "\n".join(_lines(title, found, pictures, of_records, missing, made)) + "\n"


def _lines(
    title: str, found: Summary, pictures: Collection[str], of_records: str, missing: str, made: str
) -> Iterator[str]:
    classes = found.rows.description.classes
    yield from (f"# {plain(title)}", "", found.rows.caution, "")
    if made:
        yield from (made, "")
    yield from ("| | first model | last model |", "| --- | ---: | ---: |")
    yield from (f"| {name} | {first} | {last} |" for name, first, last in _measures(found))
    decision = "the class that is likeliest"
    if len(classes) == 2:
        decision = f"{plain(classes[1])} where that has a probability above 1/2"
    yield from ("", f"The last model takes a record for {decision}. Counts of records:", "")
    names = [plain(name) for name in classes]
    yield from (f"| is | {' | '.join(f'taken for {name}' for name in names)} | right |",
                f"| --- |{' ---: |' * (len(names) + 1)}")  # fmt: skip
    for index, (name, row) in enumerate(zip(names, found.confusion, strict=True)):
        right = f"{row[index] / sum(row):.1%}" if sum(row) else "-"
        yield f"| {name} | {' | '.join(f'{count:,}' for count in row)} | {right} |"
    yield ""
    for name, words in _TITLES.items():
        if name in pictures:
            yield from (f"![{words}]({name})", "")
    if missing:
        yield from (f"There are no pictures: {missing}.", "")
    if of_records:
        yield from (
            f"[Pixels that some decisions hang on]({of_records}): the gradient of the logits' difference "
            "with respect to each pixel, for the two surest right decisions and the worst mistake of each "
            "class. **This picture shows records: hand it to nobody.**", "",
        )  # fmt: skip
    yield "The models are those of the ledger. The figures were computed from them afterwards; no audit reads"
    yield "them."


def _measures(found: Summary) -> Iterator[tuple[str, str, str]]:
    lines = found.curves
    yield "loss (cross-entropy, nats)", f"{lines.loss[0]:.3f}", f"{lines.loss[-1]:.3f}"
    yield "accuracy", f"{lines.accuracy[0]:.1%}", f"{lines.accuracy[-1]:.1%}"
    if lines.auc is not None:
        yield "AUC", f"{lines.auc[0]:.3f}", f"{lines.auc[-1]:.3f}"
