"""How finely statistics count, and what is too few to be told: limits, and what is usual."""

USUAL_BINS, MOST_BINS = 32, 1024
"""Equal intervals in the range of a column."""
USUAL_LEAST, MOST_LEAST = 5, 1000
"""Records; a hospital tells no smaller count of its own."""
