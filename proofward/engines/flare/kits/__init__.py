"""Start-up kits: made, renewed, and set up so that only what is meant runs."""
