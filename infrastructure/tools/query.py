"""Query: answers one SELECT statement of a model over the session's tables."""

from __future__ import annotations

import re
from contextlib import ExitStack

from domain.artefact import Artefact
from infrastructure.tools.calls import Call, Outcome
from infrastructure.tools.failures import bad_input, too_large
from infrastructure.tools.sandbox import (
    SandboxAnswer,
    SandboxOrder,
    SandboxTable,
)
from infrastructure.tools.schemas import QueryTableAnswer, QueryTableArguments

_WANTED = "write one SELECT statement over the session's tables"


def query_table(call: Call, arguments: QueryTableArguments) -> Outcome:
    """Run the statement and, if asked, keep its full answer."""
    save_as = arguments.save_as
    if save_as is not None:
        save_as = _csv_name(save_as)
        call.tables.check_new_name(save_as)
    unfinished = call.output.unfinished(save_as) if save_as else None
    answer = select(call, arguments.sql, arguments.limit, unfinished)
    artefacts: tuple[Artefact, ...] = ()
    if save_as and unfinished:
        artefacts = (call.output.publish(save_as, unfinished, save_as),)
    return Outcome(
        QueryTableAnswer(
            columns=tuple(answer.columns),
            rows=tuple(tuple(row) for row in answer.rows),
            row_count=answer.row_count,
            truncated=answer.row_count > len(answer.rows),
            saved_as=save_as,
        ),
        artefacts,
    )


def _csv_name(name: str) -> str:
    if "." not in name:
        return f"{name}.csv"
    if not name.lower().endswith(".csv"):
        raise bad_input(f"save_as: {name!r} must end with '.csv'.")
    return name


def select(call: Call, sql: str, limit: int, save_to: object = None) -> SandboxAnswer:
    """Run one SELECT statement.

    Args:
        limit: rows to answer.
        save_to: path of a CSV file that receives all rows.

    Raises:
        EffectError: no single SELECT statement, an error of the database, or out of memory.
    """
    from pathlib import Path  # noqa: PLC0415

    statement, wanted = _parse(sql)
    names = call.tables.names()
    by_lower = {table.lower() for table in wanted}
    with ExitStack() as stack:
        tables = []
        known: dict[str, tuple[str, ...]] = {}
        for name, file in names.items():
            if by_lower & {name, file.name.lower()}:
                stored = stack.enter_context(call.tables.using(file))
                tables.append(SandboxTable(stored.path, tuple({name: 1, file.name: 1})))
                known[name] = stored.loaded.columns
        order = SandboxOrder(
            statement, tables, limit, save_to if isinstance(save_to, Path) else None
        )
        answer = call.sandbox.run(order, call.interruption)
    if answer.error:
        raise _explain(answer, known, list(names))
    return answer


def _parse(sql: str) -> tuple[str, set[str]]:
    import duckdb  # heavy

    try:
        statements = duckdb.extract_statements(sql)
        if len(statements) != 1:
            raise bad_input(f"The SQL has {len(statements)} statements; {_WANTED}.")
        if statements[0].type != duckdb.StatementType.SELECT:
            kind = str(statements[0].type).rsplit(".", 1)[-1]
            raise bad_input(f"{kind} statements are not allowed; {_WANTED}.")
        statement = statements[0].query.strip().rstrip(";")
        return statement, set(duckdb.get_table_names(statement))
    except duckdb.Error as error:
        raise bad_input(f"The SQL cannot be parsed: {_first_words(str(error))}") from error


def _first_words(message: str) -> str:
    """Keep what a model can use: the first lines, without the echo of the statement."""
    text = message.split("\n\nLINE ", maxsplit=1)[0].split("\nLINE ", maxsplit=1)[0]
    text = re.sub(r"^[A-Z][A-Za-z -]*? Error: ", "", " ".join(text.split()))
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _explain(
    answer: SandboxAnswer, known: dict[str, tuple[str, ...]], names: list[str]
) -> Exception:
    text = _first_words(answer.message)
    if answer.error == "OutOfMemoryException":
        return too_large("The query needs more memory than it may use; aggregate or filter more.")
    if answer.error == "PermissionException":
        tables = ", ".join(names) or "none"
        return bad_input(f"Queries reach no files and no settings; query the tables: {tables}.")
    if answer.error == "CatalogException" and "Table with name" in text:
        found = re.search(r"Table with name (\S+)", text)
        tables = ", ".join(names) or "none"
        return bad_input(
            f"There is no table {found[1] if found else ''!r}; the tables are: {tables}."
        )
    if answer.error == "BinderException" and known:
        columns = "; ".join(f"{table} has {', '.join(cols)}" for table, cols in known.items())
        return bad_input(f"The query does not fit: {text} {columns}.")
    return bad_input(f"The query failed: {text}")
