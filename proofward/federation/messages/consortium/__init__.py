"""What a consortium agrees on: its rules, and each of their parts."""
