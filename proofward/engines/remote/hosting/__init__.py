"""The host's side: who may join, what members are shown, deadlines."""
