"""A federation in this process: its run, its live table, its page."""
