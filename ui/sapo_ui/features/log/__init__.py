"""The Log panel: what the engine reported. A model that only grows at its end, and the table over it."""
