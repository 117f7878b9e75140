"""Pages on what an engine measured beside a run: labelers side by side, a verifier, several runs as one.

Works on the measurements as JSON and draws with `app.reports`; asks no engine itself. Imported by commands.
"""
