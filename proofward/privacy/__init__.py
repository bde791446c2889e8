"""What a consortium's noise promises: (epsilon, delta) of its rules, what is spent of it, the least noise for it."""
