"""The kernel of SAPO Studio: what the window, the command line and the engine agree on. No Qt, no torch."""

__version__ = "0.1.0"
