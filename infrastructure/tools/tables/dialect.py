"""Dialect: finds delimiter, title lines, header and width of a delimited text file."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from infrastructure.tools.tables.dates import looks_like_date
from infrastructure.tools.tables.numbers import looks_like_number

_DELIMITERS = (",", ";", "\t", "|")
_SAMPLE_RECORDS = 400
_PREAMBLE_RECORDS = 40
_PROSE_WORDS = 6
_YEAR = re.compile(r"(19|20)\d\d")
MAX_FIELD = 16 << 20
"""Characters one value may have."""


@dataclass(frozen=True, slots=True)
class Record:
    """One parsed line; `first_line` and `last_line` count from 1."""

    fields: list[str]
    first_line: int
    last_line: int

    @property
    def filled(self) -> int:
        """Number of fields that hold something."""
        return sum(1 for field in self.fields if field.strip())

    @property
    def is_comment(self) -> bool:
        """Whether the line is a remark rather than data."""
        return self.fields[0].lstrip().startswith("#") if self.fields else False


@dataclass(frozen=True, slots=True)
class Dialect:
    """How to read a delimited text file.

    Attributes:
        skip_lines: physical lines before the first row of data.
        header: column names as written; empty when the file has none.
        width: number of columns.
        title_lines: text above the header.
    """

    delimiter: str
    skip_lines: int
    header: tuple[str, ...]
    width: int
    title_lines: tuple[str, ...] = ()


def read_records(lines: Sequence[str], delimiter: str, quoting: Literal[0, 3]) -> list[Record]:
    """Parse the sample's records and remember their lines."""
    csv.field_size_limit(MAX_FIELD)
    reader = csv.reader(lines, delimiter=delimiter, quoting=quoting)
    records: list[Record] = []
    before = 0
    for fields in reader:
        if fields:
            records.append(Record(fields, before + 1, reader.line_num))
        before = reader.line_num
        if len(records) >= _SAMPLE_RECORDS:
            break
    return records


def sniff(sample: str, *, whole: bool, prefer: str | None = None) -> Dialect | None:
    """Find the dialect from the beginning of a file.

    Args:
        whole: whether the sample is all there is; else its last line is cut and left out.
        prefer: delimiter that the file's name suggests.

    Returns:
        None when the text is no table.
    """
    lines = sample.splitlines(keepends=True)
    if not whole and len(lines) > 1:
        lines = lines[:-1]
    best: tuple[float, str, list[Record]] | None = None
    for delimiter in _DELIMITERS:
        records = [r for r in read_records(lines, delimiter, csv.QUOTE_MINIMAL) if not r.is_comment]
        score = _score(records) + (0.1 if delimiter == prefer else 0.0)
        if best is None or score > best[0]:
            best = (score, delimiter, records)
    if best is None or not best[2]:
        return None
    if _score(best[2]) == 0.0:
        return _single_column(best[2])
    return None if _is_prose(best[2]) else _describe(best[1], best[2])


def _is_prose(records: list[Record]) -> bool:
    """Whether the delimiters are punctuation: lines of any width, full of words."""
    widths = Counter(len(record.fields) for record in records)
    cells = [cell.strip() for record in records for cell in record.fields if cell.strip()]
    words = sum(len(cell.split()) for cell in cells)
    regular = max(widths.values()) >= 0.8 * len(records)  # four of five
    return not regular and words > 3 * len(cells) and not any(map(_is_typed, cells))


def _score(records: list[Record]) -> float:
    """Rate a delimiter: how many records have the usual width, and how wide that is."""
    widths = Counter(len(record.fields) for record in records)
    widths.pop(1, None)
    if not widths:
        return 0.0
    width, count = max(widths.items(), key=lambda item: (item[1], item[0]))
    return (count / len(records)) * (1 - 1 / width)


def _usual_width(records: list[Record]) -> int:
    widths = Counter(len(record.fields) for record in records if len(record.fields) > 1)
    return max(widths.items(), key=lambda item: (item[1], item[0]))[0]


def _single_column(records: list[Record]) -> Dialect | None:
    values = [record.fields[0].strip() for record in records]
    wordy = sum(1 for value in values if len(value.split()) >= _PROSE_WORDS)
    if wordy * 3 > len(values):
        return None
    header = _header([[value] for value in values])
    typed = sum(1 for value in values if _is_typed(value))
    if not typed and len(values) < 3:  # noqa: PLR2004  # two words are no column
        return None
    skip = records[0].last_line if header else records[0].first_line - 1
    return Dialect(",", skip, header, 1)


def _describe(delimiter: str, records: list[Record]) -> Dialect:
    width = _usual_width(records)
    start = _table_start(records, width)
    titles = tuple(" ".join(filter(None, map(str.strip, r.fields))) for r in records[:start])
    body = [record.fields for record in records[start:] if len(record.fields) >= 2]  # noqa: PLR2004
    header = _header(body)
    if header:
        width = max(width, _filled_width(header)) if len(body) == 1 else width
        skip = records[start].last_line
    else:
        skip = records[start].first_line - 1
    names = tuple((*header, *("" for _ in range(width - len(header))))[:width]) if header else ()
    return Dialect(delimiter, skip, names, width, titles)


def _filled_width(header: tuple[str, ...]) -> int:
    return max((i + 1 for i, name in enumerate(header) if name.strip()), default=0)


def _table_start(records: list[Record], width: int) -> int:
    """Find the first record that is as filled as the table; what stands above are titles."""
    enough = max(2, -(-width * 6 // 10))
    for index, record in enumerate(records[:_PREAMBLE_RECORDS]):
        if len(record.fields) >= width - 1 and record.filled >= enough:
            return index
    return 0


def _header(rows: list[list[str]]) -> tuple[str, ...]:
    """Tell the column names if the first row holds names; empty when it is data already."""
    first, rest = rows[0], rows[1:]
    votes = 0
    for index, cell in enumerate(first):
        values = [row[index].strip() for row in rest if index < len(row) and row[index].strip()]
        votes += _vote(cell.strip(), values)
    names = [cell.strip() for cell in first]
    textual = sum(1 for name in names if name and not _is_typed(name))
    if votes < 0 or textual == 0:
        return ()
    return tuple(names)


def _vote(cell: str, values: list[str]) -> int:
    """Weigh one column: above zero when its first cell is a name, below when it is a value."""
    if not cell or not values:
        return 0
    typed = sum(1 for value in values if _is_typed(value)) * 2 > len(values)
    if _is_typed(cell):
        # A year or a month above figures is a name: sales per year are often laid out that way.
        return 0 if _YEAR.match(cell) and not _YEAR.fullmatch(values[0]) else -2 if typed else 0
    if typed:
        return 2
    return -1 if cell in values else 0


def _is_typed(value: str) -> bool:
    return looks_like_number(value) or looks_like_date(value)
