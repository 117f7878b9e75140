"""The phases of a run, a file each: every one turns artefacts into an artefact and sends rows and metrics on the way.

`context` is what they stand in (events out, commands in, shards), `codecs` how results lie on disk, `rows` what the
store gets.
"""
