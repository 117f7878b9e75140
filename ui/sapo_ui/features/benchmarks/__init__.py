"""The page of process benchmarks."""
