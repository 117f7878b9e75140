"""How the labelers are called and coloured, wherever their costs stand side by side."""

LABELERS = {"sapo": ("SAPO", 5), "omega": ("Omega", 0), "shepherd": ("Shepherd", 1)}
"""Name and series colour."""
