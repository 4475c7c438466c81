"""Kept examples: acceptance criteria of record keepers, on three records that differ in all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from infrastructure.models.offline.software.product import Entity, Example, Invocation

SAMPLES: dict[str, tuple[Any, Any, Any]] = {
    "text": ("Alpha", "Beta", "Gamma"),
    "number": (10.5, 4.0, 20.25),
    "integer": (3, 1, 7),
    "date": ("2025-03-01", "2025-01-15", "2025-12-24"),
    "flag": (False, True, False),
    "email": ("ada@example.org", "bob@example.org", "eve@example.org"),
}
WRONG: dict[str, Any] = {
    "text": "",
    "number": "many",
    "integer": 1.5,
    "date": "tomorrow",
    "flag": "perhaps",
    "email": "nobody",
    "choice": "none of these",
}
TODAY = "2025-06-01"


def sample(entity: Entity, number: int) -> dict[str, Any]:
    """Make a record whose values differ from those of the other samples."""
    values: dict[str, Any] = {}
    for field in entity.fields:
        if field.type == "choice":
            values[field.name] = field.choices[number % len(field.choices)]
        elif field.type == "text":
            values[field.name] = f"{SAMPLES['text'][number]} {field.label}"
        else:
            values[field.name] = SAMPLES[field.type][number]
    return values


class KeptExamples:
    """Makes the examples of each feature.

    Args:
        names: the fields that features are about: `flag`, `number`, `group`, `date`, `sort` and
            `first`; empty where there is none.
    """

    def __init__(self, entity: Entity, features: tuple[str, ...], names: dict[str, str]) -> None:
        self._entity = entity
        self._names = names
        self._features = features
        self._samples = [sample(entity, number) for number in range(3)]
        if names["flag"]:
            for record in self._samples:
                record[names["flag"]] = False
        self._add = tuple(
            Invocation(function="add", arguments=dict(record)) for record in self._samples
        )
        self._stored: list[Any] = [
            {"id": number, **record} for number, record in enumerate(self._samples, 1)
        ]
        self._unsorted: dict[str, Any] = {"sort_by": "id"} if "sort" in features else {}
        self._makers: dict[str, Callable[[], Iterator[Example]]] = {
            "add": self._adding,
            "list": self._listing,
            "search": self._searching,
            "update": self._updating,
            "remove": self._removing,
            "mark": self._marking,
            "sort": self._sorting,
            "filter": self._filtering,
            "overdue": self._being_overdue,
            "total": self._totalling,
            "average": self._averaging,
            "count": self._counting,
            "unique": self._refusing,
        }

    def all(self) -> Iterator[Example]:
        """Make the examples of all features, in their order."""
        for feature in self._features:
            yield from self._makers[feature]()

    def _example(self, feature: str, when: str, then: str, function: str, **more: Any) -> Example:
        arguments = more.pop("arguments", {})
        return Example(
            feature=feature,
            given=more.pop("given", f"three {self._entity.plural}"),
            when=when,
            then=then,
            invocations=(
                *more.pop("before", self._add),
                Invocation(function=function, arguments=arguments),
            ),
            **more,
        )

    def _adding(self) -> Iterator[Example]:
        one, none = self._entity.name, f"no {self._entity.plural}"
        yield self._example(
            "add",
            f"a {one} is added",
            "it gets the number 1 and keeps its values",
            "add",
            given=none,
            before=(),
            arguments=self._samples[0],
            expected=self._stored[0],
        )
        for field in self._entity.fields:
            if field.type != "text" or field.required:
                yield self._example(
                    "add",
                    f"a {one} is added whose {field.label} is {WRONG[field.type]!r}",
                    "it is refused",
                    "add",
                    given=none,
                    before=(),
                    arguments={**self._samples[0], field.name: WRONG[field.type]},
                    raises=True,
                )

    def _listing(self) -> Iterator[Example]:
        yield self._example(
            "list",
            "they are listed",
            "all three are there",
            "all",
            arguments=self._unsorted,
            expected=self._stored,
        )
        yield Example(
            feature="list",
            given=f"a file without {self._entity.plural}",
            when="the command lists them",
            then="it prints nothing and ends with exit code 0",
            command=("--file", "{folder}/store.json", "list"),
        )

    def _searching(self) -> Iterator[Example]:
        if any(field.type == "text" for field in self._entity.fields):
            yield self._example(
                "search",
                "a word of the second is searched",
                "only the second is found",
                "search",
                arguments={"words": "beta"},
                expected=[self._stored[1]],
            )

    def _updating(self) -> Iterator[Example]:
        first = self._names["first"]
        changed = self._samples[2][first]
        yield self._example(
            "update",
            f"the {first} of the first is changed",
            "it has its new value",
            "update",
            arguments={"number": 1, first: changed},
            expected={**self._stored[0], first: changed},
            before=self._add[:1],
            given=f"one {self._entity.name}",
        )
        yield self._example(
            "update",
            f"a {self._entity.name} that does not exist is changed",
            "an error says so",
            "update",
            arguments={"number": 99, first: changed},
            raises=True,
        )

    def _removing(self) -> Iterator[Example]:
        yield self._example(
            "remove",
            "the first is removed and all are listed",
            "two are left",
            "all",
            before=(*self._add, Invocation(function="remove", arguments={"number": 1})),
            arguments=self._unsorted,
            expected=self._stored[1:],
        )

    def _marking(self) -> Iterator[Example]:
        flag = self._names["flag"]
        yield self._example(
            "mark",
            f"the second is marked as {flag}",
            f"it is {flag}",
            "mark",
            arguments={"number": 2},
            expected={**self._stored[1], flag: True},
        )

    def _sorting(self) -> Iterator[Example]:
        by = self._names["sort"]
        ordered = sorted(self._stored, key=lambda record: (record[by], record["id"]))
        yield self._example(
            "sort",
            f"they are listed by {by}",
            "the smallest comes first",
            "all",
            arguments={"sort_by": by},
            expected=ordered,
        )

    def _filtering(self) -> Iterator[Example]:
        group = self._names["group"]
        value = self._samples[1][group]
        yield self._example(
            "filter",
            f"only those of the {group} {value!r} are listed",
            "no other is there",
            "all",
            arguments={group: value, **self._unsorted},
            expected=[record for record in self._stored if record[group] == value],
        )

    def _being_overdue(self) -> Iterator[Example]:
        date = self._names["date"]
        yield self._example(
            "overdue",
            f"it is asked on {TODAY} which are overdue",
            "those of earlier dates are told",
            "overdue",
            arguments={"today": TODAY},
            expected=[record for record in self._stored if record[date] < TODAY],
        )

    def _totalling(self) -> Iterator[Example]:
        number = self._names["number"]
        expected = self._by_group(lambda record: record[number])
        yield self._example(
            "total", "they are added up", "the sum is right", "total", expected=expected
        )

    def _averaging(self) -> Iterator[Example]:
        values = [record[self._names["number"]] for record in self._samples]
        yield self._example(
            "average",
            "the average is asked for",
            "it is the sum by the number of records",
            "average",
            expected=sum(values) / len(values),
            places=6,
        )

    def _counting(self) -> Iterator[Example]:
        yield self._example(
            "count",
            "they are counted",
            "every one counts once",
            "count",
            expected=self._by_group(lambda _: 1),
        )

    def _refusing(self) -> Iterator[Example]:
        yield self._example(
            "unique",
            "the first is added again",
            "it is refused",
            "add",
            arguments=self._samples[0],
            raises=True,
        )

    def _by_group(self, worth: Callable[[dict[str, Any]], float]) -> Any:
        """Add up by group; in all where there is none."""
        group = self._names["group"]
        if not group:
            return sum(worth(record) for record in self._samples)
        sums: dict[str, float] = {}
        for record in self._samples:
            sums[record[group]] = sums.get(record[group], 0) + worth(record)
        return sums
