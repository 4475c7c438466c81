"""Sandbox process: runs statements a model wrote, each in a fork where it can do no harm.

This file is run as a program of its own. Its standard input is a Unix socket over which it gets
one socket for each statement; it ends when that input does. Over the statement's socket a child
answers two questions, each a JSON object after its length in 8 bytes, big endian: which tables
does the statement read, and, given these, what are its rows. The child ends when the other end
closes, so that it never outlives the process that asked.
"""

from __future__ import annotations

import csv
import gc
import json
import math
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from io import BufferedReader
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_BATCH = 5000
_LOCKS = (
    "SET TimeZone = 'UTC'",
    "SET autoload_known_extensions = false",
    "SET allow_community_extensions = false",
    "SET max_temp_directory_size = '0KB'",
    "SET enable_external_access = false",
    "SET lock_configuration = true",
)
_SIMPLE = frozenset(
    {"BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT"}
    | {"UINTEGER", "UBIGINT", "FLOAT", "DOUBLE", "DECIMAL", "VARCHAR", "DATE", "TIMESTAMP", "TIME"}
)
"""Types with a Python and a JSON counterpart; all others are read as text."""


class StatementError(Exception):
    """The text is no single SELECT statement."""


class AnswerSizeError(Exception):
    """The answer is larger than it may be."""


def main() -> None:
    """Fork a child for every socket that comes in."""
    settings = json.loads(sys.argv[1])
    sys.path.insert(0, settings["import_from"])
    import duckdb  # noqa: F401  # loaded once, for all children

    _limit_memory(settings["address_bytes"])
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries ended children
    gc.freeze()
    control = socket.socket(fileno=0)
    while True:
        _, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        if not descriptors:
            return
        if os.fork() == 0:
            control.close()
            try:
                serve(socket.socket(fileno=descriptors[0]))
            finally:
                os._exit(0)
        os.close(descriptors[0])


def _limit_memory(address_bytes: int) -> None:
    import resource  # noqa: PLC0415  # only this process wants it

    _, most = resource.getrlimit(resource.RLIMIT_AS)
    limit = address_bytes if most == resource.RLIM_INFINITY else min(address_bytes, most)
    resource.setrlimit(resource.RLIMIT_AS, (limit, most))


def serve(asker: socket.socket) -> None:
    """Answer both questions about one statement."""
    import duckdb

    with asker, asker.makefile("rb") as stream:
        try:
            _converse(asker, stream)
        except (StatementError, AnswerSizeError, duckdb.Error) as error:
            _tell(asker, {"error": type(error).__name__, "message": str(error)})
        except MemoryError:
            _tell(asker, {"error": "OutOfMemoryException", "message": "Out of Memory"})


def _converse(asker: socket.socket, stream: BufferedReader) -> None:
    wish = _hear(stream)
    if wish is None:
        return
    connection = _connected(wish["memory_limit"])
    _tell(asker, {"tables": sorted(tables_of(connection, wish["sql"]))})
    order = _hear(stream)
    if order is None:
        return
    threading.Thread(target=_end_with, args=(asker,), daemon=True).start()
    answer = run(connection, {**wish, **order})
    written = json.dumps(answer, allow_nan=False).encode()
    if len(written) > wish["answer_bytes"]:
        raise AnswerSizeError(f"{len(written):,} bytes; at most {wish['answer_bytes']:,}")
    _send(asker, written)


def _hear(stream: BufferedReader) -> Any:
    size = stream.read(8)
    return json.loads(stream.read(int.from_bytes(size, "big"))) if size else None


def _tell(asker: socket.socket, answer: dict[str, Any]) -> None:
    _send(asker, json.dumps(answer).encode())


def _send(asker: socket.socket, message: bytes) -> None:
    asker.sendall(len(message).to_bytes(8, "big") + message)


def _end_with(asker: socket.socket) -> None:
    asker.recv(1)
    os._exit(1)


def _connected(memory_limit: str) -> DuckDBPyConnection:
    import duckdb

    # One thread, so that the same statement gives the same rows in the same order every time.
    settings: dict[str, str | bool | int | float | list[str]] = {
        "threads": 1,
        "memory_limit": memory_limit,
        "autoinstall_known_extensions": False,
        "python_enable_replacements": False,
    }
    return duckdb.connect(":memory:", config=settings)


def tables_of(connection: DuckDBPyConnection, sql: str) -> set[str]:
    """Find what a statement reads from, its own common table expressions included.

    The statement is only parsed: binding it would open the files and addresses it names.

    Raises:
        StatementError: it is no single SELECT statement.
    """
    serialized = connection.execute("SELECT json_serialize_sql($1::VARCHAR)", [sql]).fetchall()
    parsed = json.loads(serialized[0][0])
    if parsed["error"]:
        raise StatementError(parsed["error_message"])
    if len(parsed["statements"]) != 1:
        raise StatementError(f"{len(parsed['statements'])} statements")
    return set(_table_names(parsed["statements"][0]))


def _table_names(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if node.get("type") == "BASE_TABLE":
            yield node["table_name"]
        parts: Any = node.values()
    else:
        parts = node if isinstance(node, list) else ()
    for part in parts:
        yield from _table_names(part)


def run(connection: DuckDBPyConnection, order: dict[str, Any]) -> dict[str, Any]:
    """Run a statement over the tables of its order, with everything else out of reach."""
    for number, table in enumerate(order["tables"]):
        path = table["path"].replace("'", "''")
        connection.execute(f"ATTACH '{path}' AS source_{number} (READ_ONLY)")
        for name in table["names"]:
            connection.execute(
                f"CREATE TEMP VIEW {_quoted(name)} AS FROM source_{number}.main.data"
            )
    for statement in _LOCKS:
        connection.execute(statement)
    connection.execute(f"CREATE TEMP TABLE __answer AS {order['sql']}\n")
    return _collect(connection, order)


def _collect(connection: DuckDBPyConnection, order: dict[str, Any]) -> dict[str, Any]:
    described = connection.execute("DESCRIBE __answer").fetchall()
    names, types = [row[0] for row in described], [row[1] for row in described]
    columns = ", ".join(_readable(*column) for column in zip(names, types, strict=True))
    everything = f"SELECT {columns} FROM __answer"  # noqa: S608  # quoted
    count = connection.execute("SELECT count(*) FROM __answer").fetchall()[0][0]
    rows = connection.execute(f"{everything} LIMIT {int(order['limit'])}").fetchall()
    if order["save_to"]:
        _save(connection.execute(everything), names, order["save_to"])
    return {
        "columns": names,
        "types": types,
        "rows": [[_json(value) for value in row] for row in rows],
        "row_count": count,
    }


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _readable(name: str, sql_type: str) -> str:
    base, _, rest = sql_type.partition("(")
    simple = base in _SIMPLE and not rest.endswith("]")
    return _quoted(name) if simple else f"CAST({_quoted(name)} AS VARCHAR)"


def _json(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value) if isinstance(value, timedelta) else value


def _save(cursor: DuckDBPyConnection, header: list[str], path: str) -> None:
    with open(path, "w", encoding="utf-8", newline="") as file:  # noqa: PTH123  # pathlib starts slowly
        writer = csv.writer(file)
        writer.writerow(header)
        while rows := cursor.fetchmany(_BATCH):
            writer.writerows([[_cell(value) for value in row] for row in rows])


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else ""
    return _json(value)


if __name__ == "__main__":
    main()
