"""What a consortium fixes before anyone acts, and the public numbers that follow."""
