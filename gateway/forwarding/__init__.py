"""Replicas in front of one Pachyderm: each repo's writes go through one of them.

Correctness does not hang on it: replicas may compete, which is only slower.
"""
