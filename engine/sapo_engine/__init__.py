"""The engine: what computes. Imports the kernel only; the parent process stays free of torch."""
