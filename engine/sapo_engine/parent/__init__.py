"""The run's parent process: supervises the worker, restarts it where that can help, and writes the store.

No torch here, so that it starts at once and outlives whatever a worker runs into. It is the only writer of run data.
"""
