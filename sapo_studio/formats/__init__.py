"""Files that others read and write, as plain items.

Knows neither runs nor the store. Imported by exports, and by the engine's tasks.
"""
