"""What each kind of entry demands and changes: one file for the entries of one subject."""
