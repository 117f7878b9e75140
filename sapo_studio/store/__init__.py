"""The one SQLite file: `db` opens it, `migrations` shapes it, `runs`, `ingest`, `annotations` write, `queries` reads.

Imports events, configuration and domain. Imported by the supervisor, the application, the window and the engine's
parent, which alone writes a run's rows; never by the worker.
"""
