"""The engine of a playground: loads a model once, writes and scores while somebody looks on, ends with its client."""
