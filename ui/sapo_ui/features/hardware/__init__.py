"""The Hardware panel: what this machine and the engine of the run that is shown are using. It samples only while it is
visible."""
