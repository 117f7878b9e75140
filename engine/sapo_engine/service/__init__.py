"""Answers to what the engine is asked beside a run (sapo_studio.requests): one module a kind, with an `answer` each.

`python -m sapo_engine.service` is the one way in, a process for each request, which gives its answer and ends: grading,
previews and the sandbox's probe load no torch, and nothing is written to the store.
"""
