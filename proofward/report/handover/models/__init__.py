"""A model to take home: where it comes from, its files, its description and its card."""
