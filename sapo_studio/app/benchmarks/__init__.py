"""Process benchmarks as use cases: made from judged, labeled or sampled solutions, and used.

Reads runs and queues in the store and writes benchmarks there. Imported by the command `sapo benchmark`, by
`sapo evaluate` and by the window.
"""
