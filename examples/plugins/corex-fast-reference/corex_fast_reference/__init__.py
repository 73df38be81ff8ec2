"""A kernel that goes before one of corex's own; see `plugin.py`."""
