"""Embedders: what turns texts into vectors whose angles tell how close their meanings are."""
