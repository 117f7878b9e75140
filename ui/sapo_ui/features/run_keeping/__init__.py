"""Keeping runs in order: notes and tags of a run, and the bin."""
