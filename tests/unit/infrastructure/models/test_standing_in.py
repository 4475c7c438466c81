"""The offline model stands in for models whose key is missing, and only for them."""

from __future__ import annotations

from typing import Any

import pytest

from application.errors import BadRequestError
from infrastructure.models.registry import OFFLINE, RoutedModel
from infrastructure.settings import Settings

CLAUDE = "claude-sonnet-4-5"


def routed(**settings: Any) -> RoutedModel:
    return RoutedModel(Settings(**settings))


def test_the_offline_model_stands_in_where_there_is_no_key() -> None:
    assert routed().stand_in(CLAUDE) == OFFLINE
    assert routed().stand_in(OFFLINE) == OFFLINE
    assert routed(anthropic_api_key="sk-x").stand_in(CLAUDE) == CLAUDE
    # What nobody knows is not hidden behind another answer.
    assert routed().stand_in("gpt-x") == "gpt-x"


def test_a_model_is_known_or_refused_before_it_is_asked() -> None:
    routed().check(OFFLINE, needs_key=True)
    routed().check(CLAUDE, needs_key=False)
    routed(anthropic_api_key="sk-x").check(CLAUDE, needs_key=True)
    with pytest.raises(BadRequestError, match="needs a key"):
        routed().check(CLAUDE, needs_key=True)
    for needs_key in (False, True):
        with pytest.raises(BadRequestError, match="No model 'gpt-x' is known"):
            routed().check("gpt-x", needs_key=needs_key)
