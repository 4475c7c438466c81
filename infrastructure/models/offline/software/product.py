"""Product: what a requirement asks for, as data that the roles hand on to each other."""

from __future__ import annotations

from typing import Literal

from pydantic import JsonValue

from domain.value import Value

FieldType = Literal["text", "number", "integer", "date", "flag", "choice", "email"]


class Field(Value):
    """A field of a record.

    Attributes:
        label: as the requirement calls it.
        choices: values that a choice allows.
    """

    name: str
    label: str
    type: FieldType
    required: bool = True
    choices: tuple[str, ...] = ()


class Entity(Value):
    """What records are about."""

    name: str
    plural: str
    fields: tuple[Field, ...]


class Parameter(Value):
    """A parameter of a function; `default` is Python, empty when it must be given."""

    name: str
    type: str
    default: str = ""


class Function(Value):
    """A function of the public interface.

    Attributes:
        returns: its type.
        raises: when, in words; empty for never.
    """

    name: str
    parameters: tuple[Parameter, ...]
    returns: str
    summary: str
    raises: str = ""
    feature: str

    @property
    def signature(self) -> str:
        """The function as Python writes it."""
        parts = [
            f"{p.name}: {p.type}" + (f" = {p.default}" if p.default else "")
            for p in self.parameters
        ]
        return f"{self.name}({', '.join(parts)}) -> {self.returns}"


class Feature(Value):
    """Something a user can do.

    Attributes:
        want: what the user wants, after `I want to`.
        benefit: after `so that`.
        source: words of the requirement it comes from; empty when it is implied.
    """

    key: str
    title: str
    want: str
    benefit: str
    source: str = ""


class Invocation(Value):
    """A call of a function."""

    function: str
    arguments: dict[str, JsonValue] = {}


class Example(Value):
    """An acceptance criterion that a test can check.

    Attributes:
        invocations: calls, the last of which is looked at.
        expected: what it returns, where it is no error.
        places: decimals that must agree, for a number.
        raises: whether the last call is an error.
        command: arguments of the command line, in place of calls; `{folder}` is a private folder.
        files: files in that folder, by name.
        prints: what the command says.
        exit_code: of the command.
    """

    feature: str
    given: str
    when: str
    then: str
    invocations: tuple[Invocation, ...] = ()
    expected: JsonValue = None
    places: int | None = None
    raises: bool = False
    command: tuple[str, ...] = ()
    files: dict[str, str] = {}
    prints: str = ""
    exit_code: int = 0


class Product(Value):
    """What shall be built.

    Attributes:
        kind: which rules know how to build it.
        requirement: in the user's words.
        module: short name, which the command and its classes bear.
        purpose: what it does, as a verb phrase.
        settings: what the rules of its kind need beside the features.
        assumptions: what the requirement left open, and how it was read.
        left_out: words of the requirement that no rule took up.
    """

    kind: str
    requirement: str
    module: str
    title: str
    purpose: str
    user: str
    features: tuple[Feature, ...]
    examples: tuple[Example, ...] = ()
    entity: Entity | None = None
    settings: dict[str, JsonValue] = {}
    assumptions: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    def feature(self, key: str) -> Feature:
        """Find a feature."""
        return next(feature for feature in self.features if feature.key == key)

    @property
    def stateful(self) -> bool:
        """Whether its functions are methods of a store that keeps a file."""
        return self.entity is not None

    @property
    def error(self) -> str:
        """Name of the error its functions raise."""
        return f"{self.class_name}Error"

    @property
    def class_name(self) -> str:
        """The module's name as a class writes it."""
        return "".join(word.title() for word in self.module.split("_"))
