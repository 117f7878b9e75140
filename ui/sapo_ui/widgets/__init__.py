"""Widgets that know nothing of runs or stores: they are handed arrays and say what was pointed at."""
