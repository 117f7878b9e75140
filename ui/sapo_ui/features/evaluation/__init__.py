"""Evaluating verifiers from the window."""
