"""What the engine asks of a Ray cluster that somebody else has started."""
