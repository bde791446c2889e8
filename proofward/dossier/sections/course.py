"""Sections on the rules and the rounds: how was trained, what became of it, who took part in each round."""

from __future__ import annotations

from collections.abc import Iterator

from proofward.dossier.parts.drawing import Line, chart
from proofward.dossier.parts.paper import Basis, Block, Cell, Facts, Grid, Mark, Picture, Section, Words, fact
from proofward.dossier.record.chronicle import lasted
from proofward.dossier.record.evidence import Evidence
from proofward.dossier.sections.take_part import MEANINGS, attempts, marked, part
from proofward.federation.messages.basics.clock import in_utc
from proofward.federation.messages.consortium.thresholds import committees_in_words

MOST_ROUNDS, ACROSS = 240, 8


def agreed(found: Evidence) -> Section:
    """The rules, in words."""
    rules, config = found.history.rules, found.history.rules.config
    training, scales = config.training, config.scales
    rate = f"{training.rate * training.batch / (1 << scales.rate_shift):g} of a batch's mean gradient"
    first = "chosen by the coordinator" if rules.initial_model else "drawn from shared randomness"
    what = (
        fact("Network", f"{config.model.words} ({config.model.parameters:,} parameters)"),
        fact("Training", config.training_words),
        fact("Learning rate", rate),
        fact("First model", first),
        fact("Bound on one hospital's update", f"L2 norm of {config.clip_bound / 1024:g}"),
        fact("Numbers", f"fixed point: weights in steps of 2^-{scales.weight_bits}, exact and repeatable"),
        fact("Weight of a hospital in a sum", config.weighting.words),
    )
    colluding = rules.colluding_holders
    who = (
        fact(
            "Verdicts that accept a proof", f"{rules.accepting_verdicts} of {len(rules.verifiers)} verifiers"
        ),
        fact("Fewest hospitals in a sum", f"{rules.minimum_updates} of {len(rules.hospitals)}"),
        fact("Hospitals that learn nothing together", f"up to {rules.collusion}"),
        fact("Dishonest hospitals for two sums from one model", f"{colluding}, with the host of the ledger"),
        *(fact("Committees", line) for line in committees_in_words(rules)),
        fact("Rounds agreed", rules.rounds),
        *([fact("What rounds count", rules.counting_in_words)] if rules.counting_in_words else []),
        fact("Security that the rules demand of a proof", f"{config.security_bits} bits"),
    )
    return Section(
        "rules", "Rules, network and training", (Facts("How was trained", what), Facts("Thresholds", who))
    )


def rounds(found: Evidence) -> Section:
    """Each closed round, with curves of what the ledger gives."""
    history, times = found.history, found.chronicle
    rows: list[tuple[Cell, ...]] = []
    for index, state in enumerate(history.closed[:MOST_ROUNDS]):
        when = times.rounds.get(state.number)
        opened = in_utc(when.opened) if when else ""
        took = lasted(when.closed - when.opened) if when and when.closed is not None else ""
        summed = state.accepted.record.hospitals if state.accepted else ()
        record = state.aggregate.record if state.aggregate else None
        change = f"{found.changes[index]:.4g}" if index < len(found.changes) else ""
        rows.append(
            (
                str(state.number),
                opened,
                took,
                str(state.attempt + 1),
                f"{len(summed)} of {len(history.hospitals)}",
                f"{record.total_rows:,}" if record else "",
                change,
                Mark(record.model.hex()[:16], code=True) if record else "",
            )
        )
    titles = ("round", "opened", "took", "attempts", "hospitals summed", "records", "change", "model")
    note = "Change: L2 norm of the difference of the models. Model: the first 16 digits of its SHA-256."
    if len(history.closed) > MOST_ROUNDS:
        note += f" {len(history.closed) - MOST_ROUNDS} more rounds are in the JSON document alone."
    blocks: list[Block] = [Grid("Closed rounds", titles, rows, Basis.CHECKED, note)]
    if not rows:
        return Section("rounds", "Rounds", (Words(("No round was closed.",), "weak"),))
    return Section("rounds", "Rounds", (*blocks, *_curves(found)))


def _curves(found: Evidence) -> Iterator[Block]:
    closed = found.history.closed
    if len(closed) < 2:
        return
    if len(found.changes) == len(closed):
        title = "How much the model changed in each round"
        lines = [Line("change of the model", found.changes)]
        words = "L2 norm of the change of the model by round; it falls where training comes to rest."
        yield Picture(chart("change", title, lines, "L2 norm"), words, Basis.CHECKED)
    counts = [len(state.accepted.record.hospitals) if state.accepted else 0 for state in closed]
    title = "How many hospitals were in each round's sum"
    svg = chart("summed", title, [Line("hospitals in the sum", counts)], "hospitals")
    yield Picture(svg, "Hospitals whose updates were summed, by round.", Basis.CHECKED)
    times = [found.chronicle.rounds.get(state.number) for state in closed]
    seconds = [one.closed - one.opened for one in times if one is not None and one.closed is not None]
    if len(seconds) == len(closed) and any(seconds):
        unit, size = ("minutes", 60) if max(seconds) > 300 else ("seconds", 1)
        line = Line(unit, [taken / size for taken in seconds])
        svg = chart("took", "How long each round took", [line], unit)
        yield Picture(svg, f"{unit.capitalize()} from a round's opening to its end.", Basis.SIGNED)


def taking_part(found: Evidence) -> Section:
    """A table of hospitals and rounds, and one of verifiers."""
    history = found.history
    every = attempts(history)
    shown = list(every)[:MOST_ROUNDS]
    pairs = [(number, name) for number in shown for name in history.hospitals]
    words = {(number, name): part(history, every[number], name) for number, name in pairs}
    blocks: list[Block] = []
    names = history.hospitals
    for start in range(0, len(names), ACROSS):
        some = names[start : start + ACROSS]
        rows: list[tuple[Cell, ...]] = [
            (str(number), *(marked(words[number, name]) for name in some)) for number in shown
        ]
        caption = (
            f"Hospitals by round: {some[0]} to {some[-1]}" if len(names) > ACROSS else "Hospitals by round"
        )
        blocks.append(Grid(caption, ("round", *some), rows))
    used = dict.fromkeys(words.values())
    meanings = [(word, MEANINGS[word]) for word in MEANINGS if word in used]
    if meanings:
        blocks.append(Grid("What the words mean", ("word", "meaning"), meanings, Basis.SAID))
    blocks.append(_verifiers(found))
    return Section("part", "Who took part in each round", tuple(blocks))


def _verifiers(found: Evidence) -> Grid:
    history = found.history
    states = [state for some in attempts(history).values() for state in some]
    rows: list[tuple[Cell, ...]] = []
    for name in history.rules.verifiers:
        enrolments = [vote for (by, _), vote in history.enrolment_verdicts.items() if by == name]
        votes = [vote for state in states for (by, _), vote in state.verdicts.items() if by == name]
        accepted = sum(vote.accepted for vote in enrolments) + sum(vote.accepted for vote in votes)
        refused = len(enrolments) + len(votes) - accepted
        confirmed = sum(name in state.confirmations for state in states)
        rows.append((name, str(accepted), Mark(str(refused), "bad") if refused else "0", str(confirmed)))
    titles = ("verifier", "proofs accepted", "proofs refused", "sums computed again")
    return Grid("Verifiers", titles, rows)
