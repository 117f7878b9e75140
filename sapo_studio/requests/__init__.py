"""What an engine can be asked beside a run: to measure verifiers and labelers, to grade, to preview a task, to try the
sandbox. `kinds` has a model a request, `limits` their defaults and limits, `client` asks, `wire` carries errors back.
"""
