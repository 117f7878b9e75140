"""Publishing a run's model from the window."""
