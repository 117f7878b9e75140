"""The report of a run, and what all pages share: tables as text and as Markdown, and the look of pictures.

Reads the store alone. Imported by commands, experiments and studies.
"""
