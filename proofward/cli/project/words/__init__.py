"""What a consortium agrees on and what it costs, in words."""
