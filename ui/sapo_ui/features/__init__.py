"""What the window can do, a folder each: a page, a panel of the run page, or the list of runs, with all that only it
needs. No feature imports another; the shell puts them together."""
