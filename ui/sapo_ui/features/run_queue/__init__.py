"""The queue of runs: what runs, what waits and for what, on which cards, and what will happen when."""
