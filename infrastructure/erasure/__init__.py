"""Erasure: what a person said is sealed with a key of their own, and goes when the key goes."""
