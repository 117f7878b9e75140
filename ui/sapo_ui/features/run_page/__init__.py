"""The page of one run: header, phases, headline numbers, and the area in which panels are docked. It knows panels by
their base class only; which there are says the shell."""
