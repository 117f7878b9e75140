"""Many runs side by side: a matrix file of methods x tasks x seeds, running it, and the tables and pictures of it.

Draws with `app.reports`, starts runs through the supervisor. Imported by the command `sapo matrix`.
"""
