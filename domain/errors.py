"""The root of every error a rule of the domain raises."""

from __future__ import annotations


class DomainError(Exception):
    """A rule of the domain was broken."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.__doc__ or type(self).__name__)


class TransitionError(DomainError):
    """The aggregate's state does not allow this command."""

    def __init__(self, subject: str, state: str, command: str) -> None:
        self.subject = subject
        self.state = state
        self.command = command
        super().__init__(f"{subject} is {state!r} and cannot {command}.")
