"""The offline model: deterministic rules that answer briefs without any language model."""

from infrastructure.models.offline.model import OfflineModel

__all__ = ["OfflineModel"]
