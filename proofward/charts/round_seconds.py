"""What proofs add to the seconds of a round: a bar a round, stacked by what the time was spent on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from proofward.charts.chart import Chart
from proofward.report.figures.canvas import BLUE, GREEN, GREY, ORANGE, PURPLE, new_figure, open_sides
from proofward.report.measurements import RoundTime

NAME = "seconds-by-round"
_PARTS = {"training": "train", "encrypting": "encrypt", "proving": "prove", "verifying": "verify"}
_PROTOCOL = "protocol"
_LOOKS = {
    "training": (GREEN, ""),
    "encrypting": (PURPLE, "//"),
    _PROTOCOL: (GREY, ".."),
    "proving": (BLUE, ""),
    "verifying": (ORANGE, "\\\\"),
}
"""From below: what a round without proofs needs, then the proofs."""


def parts(spent: RoundTime) -> dict[str, float]:
    """Seconds by what they were spent on, which add up to the round's.

    Protocol is what is left: messages, signatures, the ledger, key shares, sums and their confirmation.
    Raises ValueError where members worked at the same time, since then nothing adds up.
    """
    found = {name: spent.phases[phase] for name, phase in _PARTS.items()}
    left = spent.lasted - sum(found.values())
    if left < 0:
        raise ValueError("members worked at the same time: their seconds are more than the round's")
    return {**found, _PROTOCOL: left}


def seconds_by_round(rounds: Mapping[int, RoundTime], hospitals: int, verifiers: int) -> Chart:
    """Of a run in which members worked one after another."""
    found = {number: parts(spent) for number, spent in sorted(rounds.items())}
    total = sum(sum(own.values()) for own in found.values())
    proofs = sum(own["proving"] + own["verifying"] for own in found.values())
    title = f"Seconds of a round, {hospitals} hospitals and {verifiers} verifiers in one process"
    words = (
        "Members work one after another, so the parts add up to the round: training, proving and encrypting "
        "of all hospitals, verifying by all verifiers, and the protocol, which is messages, signatures, "
        "ledger, key shares and sums. With machines of their own, members work at the same time. Other work "
        "on the machine counts as well. "
        f"Proving and verifying take {proofs / total:.0%} of the time: {total / (total - proofs):.1f} times "
        "as long as without proofs. The first round also measures what there is to prove."
    )
    numbers = {
        "hospitals": hospitals,
        "verifiers": verifiers,
        "rounds": {str(number): own for number, own in found.items()},
        "share_of_proofs": proofs / total,
        "times_as_long_as_without_proofs": total / (total - proofs),
    }
    head = ("round", *_LOOKS, "in all, s")
    rows = [
        (str(number), *(f"{own[name]:.3f}" for name in _LOOKS), f"{sum(own.values()):.3f}")
        for number, own in found.items()
    ]
    return Chart(NAME, title, words, numbers, [head, *rows], lambda: _draw(found, title))


def _draw(found: Mapping[int, Mapping[str, float]], title: str) -> Any:
    figure = new_figure(7.2, 4.4)
    axes = figure.add_subplot()
    below = [0.0] * len(found)
    for name, (colour, hatch) in _LOOKS.items():
        heights = [own[name] for own in found.values()]
        look = {"color": colour, "hatch": hatch, "edgecolor": "white", "linewidth": 0.5}
        axes.bar(list(found), heights, 0.62, bottom=below, label=name, **look)
        below = [low + height for low, height in zip(below, heights, strict=True)]
    axes.set_xlabel("round")
    axes.set_ylabel("seconds, all members together")
    axes.set_title(title, fontsize=11)
    if len(found) <= 20:
        axes.set_xticks(list(found))
    axes.set_xlim(min(found) - 0.9, max(found) + 0.9)
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles[::-1], labels[::-1], frameon=False, loc="outside right upper")
    open_sides(axes)
    return figure
