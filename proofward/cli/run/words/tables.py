"""Tables of results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from proofward.report.comparing.comparison import MethodScores, lone_mean
from proofward.report.demonstrations.attack_outcome import Outcome

LABELS = {
    "proofward": "ProofWard",
    "federated float": "plain float FedAvg",
    "centralised": "centralised float",
}


def print_comparison(console: Console, found: Mapping[str, MethodScores]) -> None:
    """Held-out AUC and accuracy of every method after the last round."""
    table = Table(title="On held-out records", title_justify="left", box=None)
    table.add_column("method")
    table.add_column("AUC", justify="right")
    table.add_column("accuracy", justify="right")
    rows = {**found, "alone (mean)": lone_mean(found)}
    for name, entry in rows.items():
        cells = (f"{entry.auc[-1]:.4f}", f"{entry.accuracy[-1]:.4f}")
        table.add_row(LABELS.get(name, name), *cells, style="bold" if name == "proofward" else "")
    console.print(table)


def print_costs(console: Console, report: Mapping[str, Any]) -> None:
    """Seconds, bytes and bits."""
    table = Table(title="What it took", title_justify="left", box=None)
    table.add_column("phase")
    for name in ("times", "mean, s", "total, s"):
        table.add_column(name, justify="right")
    for phase, taken in report["seconds"]["phases"].items():
        if taken["count"]:
            table.add_row(phase, str(taken["count"]), f"{taken['mean']:.3f}", f"{taken['total']:.2f}")
    table.add_row("the whole federation", "", "", f"{report['seconds']['federation']:.2f}")
    console.print(table)
    size, bits = report["bytes"], report["bits"]
    console.print(
        f"a hospital in a round: {size['sent_by_a_hospital_in_a_round']:,.0f} bytes sent "
        f"(proof {size['proof']:,}, ciphertext {size['ciphertext']:,}), "
        f"{size['received_by_a_hospital_in_a_round']:,.0f} received",
        soft_wrap=True,
    )
    proven = min(bits["training"], bits["enrolment"])
    worked = f"with work {bits['with_work']:.1f}, " if bits["with_work"] > proven else ""
    console.print(
        f"soundness: {bits['training']:.1f} bits proven (enrolment {bits['enrolment']:.1f}, {worked}policy "
        f"{bits['policy']}); encryption: {bits['encryption_estimate']:.0f} bits estimated",
        soft_wrap=True,
    )


def print_outcome(console: Console, outcome: Outcome, goes_on: bool) -> None:
    """What became of an attack."""

    def say(text: str, style: str = "") -> None:
        console.print(text, markup=False, soft_wrap=True, style=style)

    say(f"check:   {outcome.check} ({outcome.detail})")
    say(f"found by {', '.join(outcome.by) or 'nobody'}")
    say(f"culprit: {outcome.culprit}")
    if outcome.goes_on:
        say(f"went on: {outcome.rounds} rounds closed; in the last sum: {', '.join(outcome.accepted)}")
        say(f"audit:   {'the record is consistent' if not outcome.audit else ', '.join(outcome.audit)}")
    else:
        reason = "the run stopped" if goes_on else "members refuse to go on with this aggregator"
        say(f"stopped: {reason}, after {outcome.rounds} closed rounds")
        say(f"audit:   fails at {', '.join(outcome.audit) or 'nothing'}")
    if outcome.refused:
        say("REFUSED by the check that should", "green")
    else:
        say(f"NOT refused as it should be: expected {' and '.join(outcome.expected)}", "red")
