"""The process verifier: network and head, training, scoring, and classification models from elsewhere.

Nothing here knows of phases.
"""
