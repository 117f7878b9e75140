"""Training: one loop for all objectives, its batches and losses, and the state a stopped training goes on from."""
