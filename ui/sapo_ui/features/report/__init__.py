"""The report of a run as a file for others."""
