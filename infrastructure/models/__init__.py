"""Adapters of the model port: language models and the rules that stand in for them."""
