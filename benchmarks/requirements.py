"""Requirements: what a product team is asked to build, drawn from a grammar or worded freely."""

from __future__ import annotations

import random

FORMATS = ("CSV", "TSV", "JSON", "JSON Lines")
TARGETS = (*FORMATS, "Markdown", "HTML")
OPTIONS = (
    "column selection",
    "filtering of rows",
    "sorting by a column",
    "a limit on the number of rows",
    "renaming of columns",
    "type detection",
    "skipping of blank rows",
)
RECORDS = {
    "task": "a title, a due date, a priority (low, medium or high)",
    "expense": "an amount, a category, a date",
    "book": "a title, an author, a year",
    "contact": "a name, an email, a phone",
    "recipe": "a name, a cuisine, minutes",
    "workout": "an activity, a duration, a date",
    "invoice": "a customer, an amount, a due date",
    "plant": "a name, a location, an optional note",
}
OPERATIONS = (
    "search {}",
    "remove {}",
    "edit {}",
    "count {}",
    "mark {} as done",
    "sort {}",
    "refuse duplicates",
)
COMPUTATIONS = (
    "convert between Celsius and Fahrenheit",
    "convert between Celsius and Kelvin",
    "convert miles to kilometres",
    "convert pounds to kilograms",
    "convert inches to centimetres",
    "compute the monthly payment of a loan",
    "compute the compound interest",
    "compute the body mass index",
    "compute the price after a discount",
    "compute profit = revenue - cost",
    "compute speed = distance / time",
    "compute volume = length * width * height",
    "compute net = gross / (1 + 19%)",
)
SUBJECTS = ("passwords", "usernames", "product codes", "nicknames", "identifiers")
RULES = (
    "one digit",
    "one upper case letter",
    "one lower case letter",
    "a special character",
    "no spaces",
    "starting with a letter",
)
KNOWN_FORMS = (
    "e-mail addresses",
    "IBANs",
    "ISBN numbers",
    "credit card numbers",
    "IPv4 addresses",
    "ISO dates",
    "hex colours",
)
COUNTS = (
    "words",
    "lines",
    "characters",
    "sentences",
    "paragraphs",
    "unique words",
    "the longest word",
    "the reading time",
    "the 5 most frequent words",
)

FREE = (
    (
        "I need a script that takes our customer export (CSV) and gives me JSON, but only the "
        "columns I ask for."
    ),
    (
        "Please write something so I can keep a list of the films I want to see, with title, "
        "year and genre, and tick off those I have watched."
    ),
    "How much is a room of 4 by 5 metres in square feet? I need that for many rooms.",
    "A tool for our accountants: it should check IBANs in a column.",
    (
        "My kids collect stamps. Help us record each stamp with country, year and value, and "
        "show the total value per country."
    ),
    "Turn a tab separated file into a Markdown table for the wiki.",
    "Tell me which words I use most often in an essay.",
    "A reading log: book, pages, date finished, and the average number of pages.",
    "We get JSON lines from a device and need CSV sorted by timestamp.",
    "Warn me about passwords that are shorter than 12 characters or have no digit.",
    "Track who borrowed which tool from the shed and when it is due back; show what is overdue.",
    "Compute fuel consumption in litres per 100 kilometres.",
    "Something that tells whether a year is a leap year.",
    "Sort a list of names alphabetically.",
    "Rename photos by the date they were taken.",
    "A pomodoro timer.",
    "Generate random passwords.",
    "Compare two CSV files and show what changed.",
    "Calculate the tip and split the bill among friends.",
    "Manage my vinyl records with artist, album and year; find albums by artist.",
)
"""Wordings that the rules were not written for; whoever adds one does not look at the rules."""


def drawn(number: int, seed: int = 7) -> list[str]:
    """Draw requirements of all kinds in turn; the same seed draws the same."""
    draw = random.Random(seed)  # noqa: S311 - no secret
    kinds = (_converter, _keeper, _calculator, _validator, _counter)
    return [kinds[place % len(kinds)](draw) for place in range(number)]


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _converter(draw: random.Random) -> str:
    source = draw.choice(FORMATS)
    target = draw.choice([name for name in TARGETS if name != source])
    options = draw.sample(OPTIONS, draw.randint(1, 3))
    opening = draw.choice(("A command-line tool that converts", "Convert", "A script to transform"))
    return f"{opening} {source} to {target} with {_listed(options)}"


def _keeper(draw: random.Random) -> str:
    record = draw.choice(list(RECORDS))
    wanted = [each.format(f"{record}s") for each in draw.sample(OPERATIONS, draw.randint(1, 3))]
    opening = draw.choice(("Keep track of {}s", "Manage {}s", "A {} tracker"))
    return f"{opening.format(record)} with {RECORDS[record]}; add and list them, {_listed(wanted)}"


def _calculator(draw: random.Random) -> str:
    return f"A calculator to {draw.choice(COMPUTATIONS)}"


def _validator(draw: random.Random) -> str:
    if draw.random() < 0.4:  # noqa: PLR2004 - share of forms with rules of their own
        return f"Check whether {draw.choice(KNOWN_FORMS)} are valid"
    rules = draw.sample(RULES, draw.randint(1, 3))
    least = draw.randint(6, 12)
    return f"Validate {draw.choice(SUBJECTS)}: at least {least} characters, {_listed(rules)}"


def _counter(draw: random.Random) -> str:
    return f"Count in a text file {_listed(draw.sample(COUNTS, draw.randint(1, 4)))}"
