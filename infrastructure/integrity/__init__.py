"""Integrity: a Merkle tree over the log, signed checkpoints of it, and proofs for outsiders."""
