"""The screens: one a file, each of which runs alone."""
