"""Files of others: solutions with labeled steps in the formats that others read and write. A format is a file of its
own here and a line in `registry`.
"""
