"""The commands of `sapo`, a module each: `register(app)` adds a module's commands, heavy imports wait inside them.

They take arguments and print; what they print is worked out by the use cases below. Imported by `cli` alone.
"""
