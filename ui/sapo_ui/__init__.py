"""The window. Imports the kernel only."""
