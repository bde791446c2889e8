"""How far a federation is: what comes next, who is waited for, whether it can go on, and its end."""
