"""Names: what is taken out of a text before its meaning is asked for."""

from __future__ import annotations

from infrastructure.embedders.names import embeddable


def without_names(text: str, agent: str | None) -> str:
    """Take the agent's name out: whom something is said to does not tell what it means.

    Users call an agent by its handle (`NOVA_001`) or by the word it begins with (`Nova`).
    """
    if agent is None:
        return text
    first, _, _ = agent.partition("_")
    return embeddable(text, {agent, first, first.capitalize()})
