"""The Annotate page: judging the trajectories of a queue, and what several people made of one."""
