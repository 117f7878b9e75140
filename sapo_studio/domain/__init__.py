"""The nouns and rules of the method itself, free of storage and of models."""
