"""What is measured of reasoners, verifiers and labels. These functions return numbers and send nothing.

Phases call them in a run, `service` after it.
"""
