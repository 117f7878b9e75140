"""Running programs that a model wrote: restricted by the kernel, judged from outside (docs/sandbox.md)."""
