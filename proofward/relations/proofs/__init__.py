"""A hospital's side of every upload, and everybody's: what is measured and verified."""
