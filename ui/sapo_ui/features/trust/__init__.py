"""Whether a run's numbers can be trusted, and whom its verifiers agree with."""
