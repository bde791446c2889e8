"""A folder with an evaluation: a page in Markdown, its pictures, and all figures in JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from proofward.cli.common.answering import Refused

PAGE_NAME, FIGURES_NAME = "evaluation.md", "evaluation.json"


@dataclass(frozen=True)
class EvaluationPage:
    """title: in Markdown. draw: makes the pictures, by name. lines: of the page, with what was drawn."""

    title: str
    draw: Callable[[], Mapping[str, bytes]]
    lines: Callable[[Mapping[str, bytes]], Iterable[str]]

    def write(self, folder: Path, figures: Mapping[str, object]) -> tuple[tuple[str, ...], str]:
        """Writes it, for its owner alone; the pictures' names, and why there are none, "" if there are."""
        from proofward.report.figures.canvas import PicturesUnavailable
        from proofward.report.run_page import write_private

        missing, drawn = "", dict[str, bytes]()
        try:
            drawn = dict(self.draw())
        except PicturesUnavailable as error:
            missing = str(error)
        made = [f"# Evaluation of {self.title}", ""]
        made += [f"There are no pictures: {missing}.", ""] if missing else []
        text = "\n".join([*made, *self.lines(drawn)]).rstrip("\n") + "\n"
        plain = json.dumps(figures, indent=1, ensure_ascii=False) + "\n"
        write_private(folder, {**drawn, PAGE_NAME: text.encode(), FIGURES_NAME: plain.encode()})
        return tuple(drawn), missing


def check_folder(folder: Path) -> None:
    """Raises Refused for a folder with other things than an evaluation."""
    if folder.is_dir() and any(folder.iterdir()) and not (folder / PAGE_NAME).is_file():
        raise Refused(f"{folder} holds other files: name a folder that is new, or one with an evaluation")
