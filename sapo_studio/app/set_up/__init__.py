"""What can be known of a run before it starts: its model, its data, and what this machine lacks for it.

Imported by commands and by the window.
"""
