"""A hospital's records as commands take them."""
