"""Charts: lines with intervals and histograms on pyqtgraph, bars painted by hand. pyqtgraph is imported when there is
something to draw, not before."""
