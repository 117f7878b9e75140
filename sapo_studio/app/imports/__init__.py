"""Taking files of others in: what a file holds, as it would be kept, and keeping it.

Reads by `formats` and writes the store. Imported by the command `sapo import` and by the window.
"""
