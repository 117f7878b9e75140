"""The Audit page: can an iteration's labels be trusted?"""
