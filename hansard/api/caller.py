"""Caller: what runs asynchronous methods from an ordinary program."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from hansard.api.asynchronous import AsyncHansard

T = TypeVar("T")


class Caller(Protocol):
    """Runs asynchronous methods from an ordinary program."""

    @property
    def _inner(self) -> AsyncHansard: ...

    def _call(self, method: Callable[..., Awaitable[T]], *args: Any, **kwargs: Any) -> T: ...
