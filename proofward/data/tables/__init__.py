"""Tables as hospitals have them: a file of ours a format, all read as the same rows."""
