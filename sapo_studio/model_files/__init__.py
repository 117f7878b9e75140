"""Model files of others, looked at before anything loads them: only headers and JSON, no weight, no code.

Every fault is an InputError that names the file and what is wrong with it.
"""
