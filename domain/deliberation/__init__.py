"""Deliberation: how several agents come to one answer or one agreement, as pure functions."""
