"""What notebooks and scripts use: a federation of tables in one process, above what the commands do."""
