"""Alternatives: what else serves the purpose of a product, as far as it is common knowledge.

Nothing is looked up: the list was written down with the rules, and the analysis says so.
"""

from __future__ import annotations

from domain.value import Value


class Alternative(Value):
    """Something that people use instead.

    Attributes:
        serves: keys of features that it has, in its own way.
        strength: what speaks for it.
        weakness: what speaks against it for the user of the product.
    """

    name: str
    serves: frozenset[str]
    strength: str
    weakness: str


_SPREADSHEET = "A spreadsheet program"
ALTERNATIVES: dict[str, tuple[Alternative, ...]] = {
    "converting": (
        Alternative(
            name="Miller (mlr)",
            serves=frozenset(
                {"convert", "select", "rename", "filter", "sort", "limit", "types", "delimiter"}
            ),
            strength="reads and writes many table formats and streams large files",
            weakness="has a language of its own to learn",
        ),
        Alternative(
            name="csvkit",
            serves=frozenset({"convert", "select", "filter", "sort", "types", "delimiter"}),
            strength="a family of commands for CSV files",
            weakness="one command for each step, and packages to install",
        ),
        Alternative(
            name=_SPREADSHEET,
            serves=frozenset({"select", "rename", "filter", "sort", "limit", "delimiter"}),
            strength="shows the data while it is changed",
            weakness="work by hand cannot be repeated by a script",
        ),
    ),
    "keeping": (
        Alternative(
            name=_SPREADSHEET,
            serves=frozenset(
                {"add", "list", "search", "update", "remove", "sort", "filter"}
                | {"total", "average", "count"}
            ),
            strength="known to everybody and free in its form",
            weakness="checks no values unless somebody sets that up",
        ),
        Alternative(
            name="A plain text file",
            serves=frozenset({"add", "list", "search", "update", "remove"}),
            strength="needs nothing but an editor",
            weakness="has no types, no figures and no order",
        ),
        Alternative(
            name="A database application",
            serves=frozenset(
                {"add", "list", "search", "update", "remove", "sort", "filter"}
                | {"total", "average", "count", "unique", "mark", "overdue"}
            ),
            strength="serves many users and large amounts",
            weakness="has to be designed, installed and looked after",
        ),
    ),
    "computing": (
        Alternative(
            name=_SPREADSHEET,
            serves=frozenset({"*"}),
            strength="shows the formula beside the value",
            weakness="a slip in a cell goes unnoticed",
        ),
        Alternative(
            name="A pocket calculator",
            serves=frozenset(),
            strength="is always at hand",
            weakness="the formula must be known and typed each time",
        ),
        Alternative(
            name="GNU Units",
            serves=frozenset({"units"}),
            strength="knows thousands of units",
            weakness="converts units and does no more",
        ),
    ),
    "validating": (
        Alternative(
            name="A regular expression in one's own code",
            serves=frozenset({"minimum", "maximum", "only_word", "letter_first", "no_spaces"}),
            strength="needs no tool",
            weakness="does not say which rule is broken, and computes no check digits",
        ),
        Alternative(
            name="JSON Schema with a validator",
            serves=frozenset({"minimum", "maximum", "email", "ipv4", "date"}),
            strength="a standard with validators in many languages",
            weakness="formats are checked as strictly as each validator sees fit",
        ),
        Alternative(
            name="Checking by eye",
            serves=frozenset(),
            strength="costs nothing to set up",
            weakness="misses wrong check digits",
        ),
    ),
    "measuring": (
        Alternative(
            name="wc",
            serves=frozenset({"words", "lines", "characters"}),
            strength="is on every Unix system",
            weakness="knows no sentences and no frequencies",
        ),
        Alternative(
            name="A word processor",
            serves=frozenset({"words", "lines", "characters", "paragraphs"}),
            strength="counts while one writes",
            weakness="reads its own kinds of documents, and one at a time",
        ),
        Alternative(
            name="A library for natural language",
            serves=frozenset({"words", "sentences", "unique_words", "frequent_words"}),
            strength="knows languages and their rules",
            weakness="is a large installation for a count",
        ),
    ),
}
"""By kind of product."""


def serves(alternative: Alternative, feature: str) -> bool:
    """Tell whether an alternative has a feature."""
    of_units = "units" in alternative.serves and "_to_" in feature
    return of_units or bool({feature, "*"} & alternative.serves)
