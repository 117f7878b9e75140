"""Widgets that know nothing of runs or stores. They are handed numbers and texts, and say what was pointed at or
chosen."""
