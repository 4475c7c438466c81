"""Stress: writers and readers in processes of their own, what befalls them, and what is left."""
