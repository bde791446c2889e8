"""What travels between members and host: requests, answers, objects."""
