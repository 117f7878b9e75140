"""The engine of its own: set up when it is first needed."""
