"""Models that leave the program: a run's reasoner or verifier as a folder with a card, as GGUF, on the Hub.

What needs torch is asked of an engine (`requests.kinds.PublishRequest`).
"""
