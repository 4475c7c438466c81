"""Arguments and answers of every tool; their JSON Schemas are what models see.

Tables are named after their files: `ledger.csv` is the table `ledger`, and a query saved as
`q4.csv` is the table `q4` for every later call of the session.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, JsonValue, StringConstraints

from domain.value import NonEmptyText, Value

ColumnType = Literal["text", "integer", "number", "date", "timestamp", "boolean"]
ColumnRole = Literal["date", "measure", "dimension", "identifier", "text"]
FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,80}$")]
"""A plain file name; folders are not allowed."""


class ListFilesArguments(Value):
    """List the files this session may read, with their tables."""


class ListedFile(Value):
    """One file. `size` is in bytes; `table` is None when it holds none."""

    name: str
    size: int
    origin: Literal["input", "output"]
    table: str | None


class ListFilesAnswer(Value):
    """All files, inputs first."""

    files: tuple[ListedFile, ...]


class ProfileTableArguments(Value):
    """Describe a table: its columns, types, ranges, gaps and what each column is good for."""

    table: NonEmptyText


class ColumnProfile(Value):
    """One column.

    Attributes:
        type: type after cleaning (decimal commas, currency signs, date formats).
        role: what the column is good for; `measure` can be added up, `dimension` groups rows.
        nulls: rows without a value.
        distinct: number of different values.
        minimum: smallest value, as text; dates in ISO 8601.
        total: sum of a measure.
        samples: up to five frequent values, as text.
    """

    name: str
    type: ColumnType
    role: ColumnRole
    nulls: int
    distinct: int
    minimum: str | None = None
    maximum: str | None = None
    total: float | None = None
    mean: float | None = None
    samples: tuple[str, ...] = ()


class TableProfile(Value):
    """A table as a whole; `notes` say what was cleaned, assumed or odd, one sentence each."""

    table: str
    file: str
    rows: int
    columns: tuple[ColumnProfile, ...]
    notes: tuple[str, ...] = ()


class QueryTableArguments(Value):
    """Run one SELECT statement (DuckDB SQL) over the session's tables.

    Attributes:
        limit: rows to return; the saved file always holds all of them.
        save_as: keep the full answer as a CSV file of this name in the output folder.
    """

    sql: NonEmptyText
    limit: Annotated[int, Field(ge=1, le=1000)] = 200
    save_as: FileName | None = None


class QueryTableAnswer(Value):
    """Rows of a query, as JSON values: numbers, text, booleans, null, dates in ISO 8601.

    Attributes:
        row_count: rows of the full answer.
        truncated: whether `rows` holds fewer.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[JsonValue, ...], ...]
    row_count: int
    truncated: bool
    saved_as: str | None = None


class EvaluateExpressionArguments(Value):
    """Compute an arithmetic expression exactly: numbers, + - * / % **, functions, variables."""

    expression: Annotated[str, StringConstraints(min_length=1, max_length=1000)]
    variables: dict[str, float] = {}


class EvaluateExpressionAnswer(Value):
    """The value, and the same as text without rounding noise."""

    value: float
    text: str


class DrawChartArguments(Value):
    """Draw the rows of a SELECT statement as an SVG chart in the output folder.

    Attributes:
        x: column of the horizontal axis (or of the slices of a pie).
        y: columns to draw; with `series` exactly one.
        series: column whose values become separate lines or bar colours.
        unit: text behind the numbers of the vertical axis, for example `EUR`.
    """

    title: NonEmptyText
    kind: Literal["bar", "stacked_bar", "line", "area", "pie", "scatter"]
    sql: NonEmptyText
    x: NonEmptyText
    y: Annotated[tuple[NonEmptyText, ...], Field(min_length=1, max_length=8)]
    series: str | None = None
    x_label: str = ""
    y_label: str = ""
    unit: str = ""
    file_name: FileName


class DrawChartAnswer(Value):
    """The file that was written and the number of marks drawn; `notes` say what was folded."""

    file: str
    marks: int
    notes: tuple[str, ...] = ()


class WriteDocumentArguments(Value):
    """Write a document to the output folder, as Markdown and as one self-contained HTML page.

    Images of the output folder are named as `![title](chart.svg)` and embedded in the page.
    """

    title: NonEmptyText
    markdown: NonEmptyText
    file_stem: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,60}$")] = "report"
    language: str = "en"


class WriteDocumentAnswer(Value):
    """The files that were written."""

    files: tuple[str, ...]


class ReadFileArguments(Value):
    """Read text from an input file or a file of the output folder."""

    name: NonEmptyText
    offset: Annotated[int, Field(ge=0)] = 0
    limit: Annotated[int, Field(ge=1, le=20_000)] = 4_000


class ReadFileAnswer(Value):
    """A piece of text; `next_offset` is None at the end. Offsets count characters."""

    text: str
    next_offset: int | None


class WriteFileArguments(Value):
    """Write one text file to the output folder: Python, Markdown, JSON, CSV, TOML, YAML or SQL.

    Attributes:
        content: the whole file; a Python file must be valid Python.
        title: what the file is, for whoever reads the list.
    """

    name: FileName
    content: NonEmptyText
    title: str = ""


class WriteFileAnswer(Value):
    """The file that was written; `size` is in bytes."""

    file: str
    size: int


class RunTestsArguments(Value):
    """Run unit tests (Python `unittest`) over Python files of the session, confined.

    They see the standard library and the files named here, and neither a network nor other files.

    Attributes:
        files: modules and the tests of them, which are called `test_*.py`.
    """

    files: Annotated[tuple[FileName, ...], Field(min_length=1, max_length=20)]


class FailedTest(Value):
    """A test that did not pass, and the end of what it said."""

    test: str
    message: str


class RunTestsAnswer(Value):
    """What came of the tests.

    Attributes:
        isolation: what kept them from doing harm, one phrase each.
        output: the beginning of what they printed.
    """

    ran: int
    passed: int
    skipped: int
    failures: tuple[FailedTest, ...] = ()
    isolation: tuple[str, ...]
    duration_ms: float
    output: str = ""


class SearchPastConversationsArguments(Value):
    """Search what was asked and answered in earlier sessions."""

    text: NonEmptyText
    limit: Annotated[int, Field(ge=1, le=20)] = 5


class PastTurn(Value):
    """A turn of an earlier session; `said_at` is ISO 8601 with zone."""

    session_id: str
    speaker: str
    text: str
    said_at: str
    position: int


class SearchPastConversationsAnswer(Value):
    """Matching turns, best first."""

    turns: tuple[PastTurn, ...]
