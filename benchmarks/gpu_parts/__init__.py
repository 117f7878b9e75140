"""Parts of `make gpu-check` (benchmarks/gpu.py)."""
