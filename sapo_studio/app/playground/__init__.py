"""Trying checkpoints by typing: which there are, the engine that writes, the questions to ask, what is kept of it."""
