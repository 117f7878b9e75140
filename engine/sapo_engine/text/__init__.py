"""Between text and tokens: questions become prompts, completions become trajectories with steps."""
