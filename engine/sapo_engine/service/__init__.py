"""The engine's answers to requests beside a run (sapo_studio.requests): one module a kind, each with an `answer`.

`python -m sapo_engine.service` is the one way in. Grading and preview load no torch.
"""
