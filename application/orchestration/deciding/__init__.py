"""Deciding: pure functions from what a session is to what happens next."""

from __future__ import annotations

from application.orchestration.deciding.session import decide, take_over
from application.orchestration.deciding.setting import Setting

__all__ = ["Setting", "decide", "take_over"]
