"""What a table holds, looked at before anything is done with it, and what may be said of it."""
