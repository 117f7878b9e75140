"""The parts of benchmarks/ui.py."""
