"""The report of a run, what it came to in a sentence, and where its model and data come from. And what all pages share:
tables as text and as Markdown, and the look of pictures.

Reads the store and files alone. Imported by commands, the HTML report, experiments and studies.
"""
