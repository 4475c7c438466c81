"""The Anthropic adapter: language models behind the Messages API, on the official SDK."""

from infrastructure.models.anthropic.model import DEFAULT_BASE_URL, AnthropicModel

__all__ = ["DEFAULT_BASE_URL", "AnthropicModel"]
