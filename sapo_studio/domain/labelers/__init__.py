"""The labelers: one file each, with what it asks for and what it is called, and the registry that everybody reads.

`base` says what a labeler is, `registry` lists them. Imports only the rules of labels and search beside it.
"""
