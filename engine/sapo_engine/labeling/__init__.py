"""Step labels by rollouts: any labeler over many trajectories at once, what it cost, and the expansion.

What a labeler asks for is decided in `sapo_studio.domain`; here its questions are answered by a reasoner.
"""
