"""Getting things out of a run: its files and rows, and step labels in the formats of others.

Reads the store and writes by `formats`. Imported by the command `sapo export`.
"""
