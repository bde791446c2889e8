"""consortium.toml as a whole: read, completed, checked, and written."""
