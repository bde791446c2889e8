"""How pages are made, guarded and served."""
