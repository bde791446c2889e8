"""A site that misbehaves, for `hostile_site.py`."""
