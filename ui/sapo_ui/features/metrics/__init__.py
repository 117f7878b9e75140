"""Panels that draw what is measured once an iteration, or once a training step: accuracy, gap, self-verification cases,
label ledger, training curves. One panel a file."""
