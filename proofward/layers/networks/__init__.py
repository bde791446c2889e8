"""A network of layers: its plain form, first weights, shortcuts, bounds and columns."""
