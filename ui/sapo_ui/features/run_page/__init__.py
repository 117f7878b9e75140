"""The page of one run: header, phases, headline numbers, and the two ways to arrange its panels. It knows panels by
their base class only; which there are says the shell."""
