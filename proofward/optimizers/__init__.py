"""Server optimizers: how the weighted mean of a round's updates makes the next model, in exact integers."""
