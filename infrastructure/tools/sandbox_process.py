"""Sandbox process: runs statements a model wrote, each in a fork where it can do no harm.

This file is run as a program of its own, never imported. Its standard input is a Unix socket over
which it gets one socket for each statement; it ends when that input does. On the statement's
socket a child reads one JSON order (after its length in 8 bytes, big endian) and answers one JSON
object. It ends when the other end closes, so that it never outlives the process that asked.
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
from datetime import date, datetime, time, timedelta
from decimal import Decimal

_BATCH = 5000
_LOCKS = (
    "SET TimeZone = 'UTC'",
    "SET autoload_known_extensions = false",
    "SET allow_community_extensions = false",
    "SET max_temp_directory_size = '0KB'",
    "SET enable_external_access = false",
    "SET lock_configuration = true",
)


def main() -> None:
    """Fork a child for every socket that comes in."""
    nursery = json.loads(sys.argv[1])
    sys.path.insert(0, nursery["import_from"])
    import duckdb  # found only now

    _limit_memory(nursery["address_bytes"])
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries ended children
    gc.freeze()
    control = socket.socket(fileno=0)
    while True:
        _, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        if not descriptors:
            return
        if os.fork() == 0:
            control.close()
            _serve(duckdb, socket.socket(fileno=descriptors[0]))
        os.close(descriptors[0])


def _serve(duckdb: object, asker: socket.socket) -> None:
    stream = asker.makefile("rb")
    order = json.loads(stream.read(int.from_bytes(stream.read(8), "big")))
    threading.Thread(target=_end_with, args=(asker,), daemon=True).start()
    try:
        answer = _run(duckdb, order)
    except duckdb.Error as error:  # type: ignore[attr-defined]  # the module
        answer = {"error": type(error).__name__, "message": str(error)}
    except MemoryError:
        answer = {"error": "OutOfMemoryException", "message": "Out of Memory"}
    asker.sendall(json.dumps(answer, allow_nan=False).encode())
    os._exit(0)


def _end_with(asker: socket.socket) -> None:
    asker.recv(1)
    os._exit(1)


def _limit_memory(address_bytes: int) -> None:
    try:
        import resource  # noqa: PLC0415  # not on every platform
    except ImportError:
        return
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    limit = address_bytes if most == resource.RLIM_INFINITY else min(address_bytes, most)
    resource.setrlimit(resource.RLIMIT_AS, (limit, most))


def _run(duckdb: object, order: dict[str, object]) -> dict[str, object]:
    # One thread, so that the same statement gives the same rows in the same order every time.
    settings = {
        "threads": 1,
        "memory_limit": order["memory_limit"],
        "autoinstall_known_extensions": False,
    }
    connection = duckdb.connect(":memory:", config=settings)  # type: ignore[attr-defined]  # the module
    for number, table in enumerate(order["tables"]):  # type: ignore[var-annotated,arg-type]  # JSON
        path = table["path"].replace("'", "''")
        connection.execute(f"ATTACH '{path}' AS source_{number} (READ_ONLY)")
        for name in table["names"]:
            identifier = name.replace('"', '""')
            connection.execute(f'CREATE TEMP VIEW "{identifier}" AS FROM source_{number}.main.data')
    for statement in _LOCKS:
        connection.execute(statement)
    connection.execute(f"CREATE TEMP TABLE __answer AS {order['sql']}\n")
    return _collect(connection, order)


def _collect(connection: object, order: dict[str, object]) -> dict[str, object]:
    execute = connection.execute  # type: ignore[attr-defined]  # a DuckDB connection
    described = execute("DESCRIBE __answer").fetchall()
    names = [row[0].replace('"', '""') for row in described]
    # Types without a Python or JSON counterpart are read as text.
    columns = ", ".join(
        f'"{name}"' if _is_simple(row[1]) else f'CAST("{name}" AS VARCHAR)'
        for name, row in zip(names, described, strict=True)
    )
    count = execute("SELECT count(*) FROM __answer").fetchall()[0][0]
    rows = execute(f"SELECT {columns} FROM __answer LIMIT {int(order['limit'])}").fetchall()  # type: ignore[call-overload]  # JSON
    if order.get("save_to"):
        cursor = execute(f"SELECT {columns} FROM __answer")
        _save(cursor, [row[0] for row in described], str(order["save_to"]))
    return {
        "columns": [row[0] for row in described],
        "types": [row[1] for row in described],
        "rows": [[_json(value) for value in row] for row in rows],
        "row_count": count,
    }


def _is_simple(sql_type: str) -> bool:
    return sql_type.split("(", maxsplit=1)[0] in {
        "BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT",
        "UINTEGER", "UBIGINT", "FLOAT", "DOUBLE", "DECIMAL", "VARCHAR", "DATE", "TIMESTAMP", "TIME",
    } and not sql_type.endswith("]")  # fmt: skip


def _json(value: object) -> object:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value) if isinstance(value, timedelta) else value


def _save(cursor: object, header: list[str], path: str) -> None:
    with open(path, "w", encoding="utf-8", newline="") as file:  # noqa: PTH123  # no pathlib: it slows the start
        writer = csv.writer(file)
        writer.writerow(header)
        while rows := cursor.fetchmany(_BATCH):  # type: ignore[attr-defined]  # a DuckDB cursor
            writer.writerows([[_cell(value) for value in row] for row in rows])


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else ""
    return _json(value)


if __name__ == "__main__":
    main()
