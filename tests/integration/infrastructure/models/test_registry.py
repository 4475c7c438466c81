"""Tests of the routed model: which adapter serves which model name."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest
from pydantic import SecretStr

from application.errors import EffectError
from application.ports import ModelRequest
from domain.effect import Failure, FailureKind, ModelAnswer
from infrastructure.models.registry import RoutedModel
from tests.support import briefs
from tests.support.messages_api import KEY, Answer, MessagesApi


@dataclass(frozen=True)
class Chosen:
    """The settings that matter here."""

    anthropic_api_key: SecretStr | None = None
    anthropic_base_url: str | None = None


def ask(chosen: Chosen, *requests: ModelRequest) -> list[ModelAnswer]:
    async def asking() -> list[ModelAnswer]:
        model = RoutedModel(chosen)
        try:
            return [await model.answer(request) for request in requests]
        finally:
            await model.aclose()

    return asyncio.run(asking())


def failure(chosen: Chosen, model: str) -> Failure:
    with pytest.raises(EffectError) as caught:
        ask(chosen, briefs.asking(briefs.present(), model))
    return caught.value.failure


def test_offline_answers_by_rules_without_a_key() -> None:
    (answer,) = ask(Chosen(), briefs.asking(briefs.interpret(), "offline"))
    assert answer.model == "offline"


def test_models_of_anthropic_share_one_adapter() -> None:
    with MessagesApi([Answer("One."), Answer("Two.")]) as api:
        answers = ask(
            Chosen(SecretStr(KEY), api.base_url),
            briefs.asking(briefs.present(), "claude-haiku-5-5"),
            briefs.asking(briefs.present(), "claude-opus-5-5"),
        )
    assert [answer.model for answer in answers] == ["claude-haiku-5-5", "claude-opus-5-5"]


def test_an_unknown_name_lists_what_is_known() -> None:
    assert failure(Chosen(), "gpt-7") == Failure(
        kind=FailureKind.NOT_FOUND,
        message=(
            "No model 'gpt-7' is known; there are 'offline' and the models of Anthropic,"
            " whose names start with 'claude-'."
        ),
    )


def test_a_model_whose_key_is_gone_says_so() -> None:
    found = failure(Chosen(), "claude-sonnet-5-5")
    assert found.kind is FailureKind.NOT_ALLOWED
    assert "ANTHROPIC_API_KEY" in found.message
