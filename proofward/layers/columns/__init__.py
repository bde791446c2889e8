"""How relations see values: all steps stacked in columns, and claims about them."""
