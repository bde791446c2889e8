"""What commands take where nothing is given, in the one form that help texts have for it.

Whatever an option takes by itself stands in `[default: ...]`, which click makes from the option; a help text
says what the option means and retypes no value. tests/cli/test_help_texts.py walks through all commands.
"""

from __future__ import annotations

from collections.abc import Callable

from proofward.federation.messages.consortium.usual import usual_threshold, usual_updates

PROJECT_FILE = "consortium.toml"
"""In a consortium's folder."""
PORT, ROUNDS, DEADLINE, PRESET = 8002, 15, 600, "wdbc"
EPSILON, DELTA, PRIVATE_PRESET = 3.0, 1e-5, "logistic"
RECORD = "record"
GRANULARITIES = (RECORD, "hospital")
"""Of a consortium with differential privacy."""
HOSPITALS, ROWS = 5, 500
"""Of a federation and a hospital whose costs are asked for, where none is named."""
COUNTS = (3, 5, 10)


def usual_minimum(hospitals: int) -> int:
    """The fewest hospitals in a sum, with the usual threshold."""
    return usual_updates(hospitals, usual_threshold(hospitals))


def examples(usual: Callable[[int], int]) -> str:
    """A value that depends on how many there are, by examples: what `usual` gives of 3, of 5, of 10."""
    return ", ".join(f"{usual(count)} of {count}" for count in COUNTS)
