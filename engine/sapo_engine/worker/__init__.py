"""The worker process (or one of several): computes a run, hears commands on standard input, sends events on standard
output.

It knows nothing of the store: what it finds out leaves as events, and what it keeps lies in the run's folder.
"""
