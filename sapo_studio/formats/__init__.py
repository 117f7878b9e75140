"""Files that others read and write: solutions with labeled steps. A format is a file and a line in `registry`.

Knows neither runs nor the store. Imported by exports, and by the engine's tasks.
"""
