"""What a consortium's noise promises: (epsilon, delta) of its rules, what is spent, the least noise."""
