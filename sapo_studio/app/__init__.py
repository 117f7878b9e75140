"""The application: use cases on top of the kernel, and the commands of `sapo` on top of these.

Imports every other part of the kernel. Imported by `cli` and, where it wants a use case, by the window; never by the
engine.
"""
