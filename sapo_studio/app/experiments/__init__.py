"""Many runs side by side: methods x tasks x seeds, and what they come to."""
