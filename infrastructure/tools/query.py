"""Query: answers one SELECT statement of a model over the session's tables."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from contextlib import ExitStack
from pathlib import Path

from domain.artefact import Artefact
from infrastructure.tools.calls import Call, Outcome
from infrastructure.tools.failures import bad_input, too_large
from infrastructure.tools.sandbox import SandboxAnswer, SandboxOrder, SandboxTable
from infrastructure.tools.schemas import QueryTableAnswer, QueryTableArguments

_WANTED = "write one SELECT statement over the session's tables"


def query_table(call: Call, arguments: QueryTableArguments) -> Outcome:
    """Run the statement and, if asked, keep its full answer."""
    if arguments.save_as is None:
        return Outcome(_answer(select(call, arguments.sql, arguments.limit), None))
    name = _csv_name(arguments.save_as)
    call.tables.check_new_name(name)
    unfinished = call.output.unfinished(name)
    try:
        found = select(call, arguments.sql, arguments.limit, unfinished)
        artefacts: tuple[Artefact, ...] = (call.output.publish(name, unfinished, name),)
    finally:
        unfinished.unlink(missing_ok=True)
    return Outcome(_answer(found, name), artefacts)


def _answer(found: SandboxAnswer, saved_as: str | None) -> QueryTableAnswer:
    return QueryTableAnswer(
        columns=tuple(found.columns),
        rows=tuple(tuple(row) for row in found.rows),
        row_count=found.row_count,
        truncated=found.row_count > len(found.rows),
        saved_as=saved_as,
    )


def _csv_name(name: str) -> str:
    if "." not in name:
        return f"{name}.csv"
    if not name.lower().endswith(".csv"):
        raise bad_input(f"save_as: {name!r} must end with '.csv'.")
    return name


def select(call: Call, sql: str, limit: int, save_to: Path | None = None) -> SandboxAnswer:
    """Run one SELECT statement.

    Args:
        limit: rows to answer.
        save_to: CSV file that receives all rows.

    Raises:
        EffectError: no single SELECT statement, an error of the database, or out of memory.
    """
    names = call.tables.names()
    known: dict[str, tuple[str, ...]] = {}
    with ExitStack() as stack:

        def provide(wanted: Collection[str]) -> list[SandboxTable]:
            lower = {name.lower() for name in wanted}
            tables = []
            for name, file in names.items():
                if not lower & {name, file.name.lower()}:
                    continue
                stored = stack.enter_context(call.tables.using(file))
                # A file `ledger` without ending is the table `ledger`: one view is enough.
                called = (name,) if file.name.lower() == name else (name, file.name)
                tables.append(SandboxTable(stored.path, called))
                known[name] = stored.loaded.columns
            return tables

        answer = call.sandbox.run(SandboxOrder(sql, provide, limit, save_to), call.interruption)
    if answer.error:
        raise _explain(answer, known, list(names))
    return answer


def _first_words(message: str) -> str:
    """Keep what a model can use: the first lines, without the echo of the statement."""
    text = message.partition("\nLINE ")[0]
    text = re.sub(r"^[A-Z][A-Za-z -]*? Error: ", "", " ".join(text.split()))
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _explain(
    answer: SandboxAnswer, known: Mapping[str, tuple[str, ...]], names: Collection[str]
) -> Exception:
    text = _first_words(answer.message)
    if answer.error == "StatementError":
        return _explain_statement(text)
    return _explain_failure(answer.error, text, known, ", ".join(names) or "none")


def _explain_failure(
    error: str, text: str, known: Mapping[str, tuple[str, ...]], tables: str
) -> Exception:
    match error:
        case "OutOfMemoryException":
            return too_large(
                "The query needs more memory than it may use; aggregate or filter more."
            )
        case "AnswerSizeError":
            return too_large(f"The answer has {text[:-1]}: ask for fewer rows or shorter texts.")
        case "PermissionException":
            return bad_input(f"Queries reach no files and no settings; query the tables: {tables}.")
        case "CatalogException" if found := re.search(r"Table with name (\S+)", text):
            return bad_input(f"There is no table {found[1]!r}; the tables are: {tables}.")
        case "BinderException" if known:
            columns = "; ".join(f"{table} has {', '.join(cols)}" for table, cols in known.items())
            return bad_input(f"The query does not fit: {text} {columns}.")
        case _:
            return bad_input(f"The query failed: {text}")


def _explain_statement(text: str) -> Exception:
    if text.startswith("Only SELECT"):
        return bad_input(f"Only SELECT statements are allowed; {_WANTED}.")
    if text.endswith(" statements."):
        return bad_input(f"The SQL has {text[:-1]}; {_WANTED}.")
    return bad_input(f"The SQL cannot be parsed: {text}")
