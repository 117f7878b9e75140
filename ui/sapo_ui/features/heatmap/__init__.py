"""The verifier heatmap: every trajectory a column, every step a cell in the colour of its score. The panel, its
controls and readout, and the view that is painted by hand."""
