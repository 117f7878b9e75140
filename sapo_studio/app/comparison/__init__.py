"""Comparing runs: curves on one axis, what differs in their configurations, paired tests, question by question.

`compare.compare` and `by_question.questions` are the two doors; what they give back stands in `records`.
"""
