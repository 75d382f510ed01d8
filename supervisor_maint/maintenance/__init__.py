"""Planned restarts: when, what, in which order, and what to do when anything dies meanwhile."""
