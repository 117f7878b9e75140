"""All trajectories of a run as a table (the Traces panel), and one of them step by step (the Trace panel). Steps are
judged in the second."""
