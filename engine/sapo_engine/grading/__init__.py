"""Right or wrong: what a written solution is worth, and why."""
