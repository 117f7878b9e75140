"""What is stored as tables: their definition, reading them in batches, and writing them as Parquet or CSV.

`schema` says what each table and column is; the reader, the files, `docs/tables.md` and the Python interface all go
by it.
"""
