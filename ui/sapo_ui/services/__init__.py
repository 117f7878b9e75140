"""To be worded."""
