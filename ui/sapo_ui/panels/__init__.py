"""Base classes of what features show: pages of the window, and panels of the run page, from a bare one to one
that draws itself from the metrics. Nothing here knows which there are."""
