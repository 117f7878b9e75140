"""Answers to what is asked of the engine beside a run: evaluate, label study, grading, previews.

A request starts a process of its own, which prints its answer and ends; nothing is written to the store.
"""
