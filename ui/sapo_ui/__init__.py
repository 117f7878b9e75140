"""The window: what a person sees of runs, and how one is started and steered. It imports the kernel only, and reads and
writes nothing but the store; engines run without it."""
