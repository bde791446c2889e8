"""A network whatever file it comes from: its steps, structure, graph and weights."""
