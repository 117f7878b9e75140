"""The report of a run as one HTML file that needs nothing else: no network, no script, no picture beside it.

`page.build` puts it together from sections, a file each; `markup` is the only way in which text gets into it.
"""
