"""The nouns and rules of the method itself, pure: labels and labelers, metrics, costs, statuses, statistics.

Imports nothing else of the program, and no library but for numbers. Imported from everywhere.
"""
