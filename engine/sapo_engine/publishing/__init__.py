"""A run's reasoners and verifiers as folders that others load: plain transformers or peft, no code of this program.

Nothing here knows of the store or of phases under way; what a card says of a run is the kernel's business.
"""
