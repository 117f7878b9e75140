"""Base classes of what is docked on the run page, from a bare panel to one that draws itself from the metrics. Features
build on them; nothing here knows which panels there are."""
