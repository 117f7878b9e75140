"""The playground: a question, two checkpoints side by side, and what each makes of it."""
