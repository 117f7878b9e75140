"""The one SQLite file.

`db` opens it, `migrations` shapes it, `runs`, `ingest` and `annotations` write, `queries` reads.
"""
