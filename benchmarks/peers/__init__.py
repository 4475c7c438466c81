"""Peers: what the benchmarks measure beside us."""
