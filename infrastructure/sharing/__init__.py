"""Sharing: the adapter that merges replicas, and the tools by which agents share."""
