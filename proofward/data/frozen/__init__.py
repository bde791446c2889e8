"""A public network that stands before the trained one: its form, its limits, its exact integers."""
