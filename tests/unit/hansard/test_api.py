"""The Python API: one implementation with two faces, and errors that say what to do."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any, cast

import pytest

import hansard
from application.errors import BadRequestError
from hansard.api import AsyncHansard, Hansard
from hansard.bootstrap import House

NO_HOUSE = cast("House", None)
"""What is refused before anything is touched needs none."""

ITERATORS = {"tail"}
"""What gives one thing after the other: to `async for` on the one face, to `for` on the other."""


def public(face: type[Any]) -> dict[str, Any]:
    return {
        name: method
        for name, method in inspect.getmembers(face, inspect.isfunction)
        if not name.startswith("_")
    }


def signatures(face: type[Any]) -> dict[str, inspect.Signature]:
    """Give the signature of every method; what is said of `self` concerns nobody outside."""
    found = {}
    for name, method in public(face).items():
        signature = inspect.signature(method)
        itself, *others = signature.parameters.values()
        unmarked = itself.replace(annotation=inspect.Parameter.empty)
        found[name] = signature.replace(parameters=[unmarked, *others])
        if name in ITERATORS:
            found[name] = found[name].replace(return_annotation=inspect.Signature.empty)
    return found


def test_both_faces_have_the_same_methods_and_parameters() -> None:
    assert signatures(Hansard) == signatures(AsyncHansard)


def test_the_methods_of_one_face_are_coroutines_and_those_of_the_other_are_not() -> None:
    coroutines = {
        name for name, method in public(AsyncHansard).items() if inspect.iscoroutinefunction(method)
    }
    assert coroutines == public(AsyncHansard).keys() - ITERATORS
    assert not any(inspect.iscoroutinefunction(method) for method in public(Hansard).values())


@pytest.mark.parametrize("face", [AsyncHansard, Hansard])
def test_every_method_is_documented(face: type[Any]) -> None:
    assert all(inspect.getdoc(method) for method in public(face).values())


def test_the_package_offers_the_api_by_name() -> None:
    assert hansard.AsyncHansard is AsyncHansard
    assert hansard.Hansard is Hansard
    assert hansard.LAST == "last"
    assert set(hansard.__all__) >= {"open", "open_async"}
    with pytest.raises(AttributeError, match="has no attribute 'shut'"):
        _ = hansard.shut


def test_an_empty_request_is_refused() -> None:
    with pytest.raises(BadRequestError, match="The request is empty"):
        asyncio.run(AsyncHansard(NO_HOUSE).run(" \n"))


@pytest.mark.parametrize("method", ["session", "resume", "audit"])
def test_what_is_no_id_of_a_session_is_refused(method: str) -> None:
    with pytest.raises(BadRequestError, match="'Q4' is no id of a session; ids are UUIDs"):
        asyncio.run(getattr(AsyncHansard(NO_HOUSE), method)("Q4"))


def test_what_names_no_task_is_refused() -> None:
    with pytest.raises(BadRequestError, match="'Q4' names no decision and no task"):
        asyncio.run(AsyncHansard(NO_HOUSE).why("Q4"))
