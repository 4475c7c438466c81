"""Totals: recognises a sum at the end of a table, which would count everything twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infrastructure.tools.tables.names import quoted

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_LABEL = (
    r"^\s*((grand |sub)?totals?|sum|summe|gesamt(summe)?|insgesamt|somme|total g[eé]n[eé]ral"
    r"|totale?|suma|zusammen|σ)\s*:?\s*$"  # noqa: RUF001  # the sign for a sum
)


def leave_out_totals(connection: DuckDBPyConnection) -> list[str]:
    """Take a last row out of `typed` when it says it is a total and its figures prove it.

    Returns:
        A sentence about what was found; empty for most tables.
    """
    described = connection.execute("DESCRIBE typed").fetchall()
    texts = [quoted(name) for name, kind, *_ in described if kind == "VARCHAR"]
    figures = [
        quoted(n) for n, kind, *_ in described if kind.startswith(("DECIMAL", "BIGINT", "DOUBLE"))
    ]
    if not texts or not figures:
        return []
    last = "(SELECT max(rowid) FROM typed)"
    label = (
        "coalesce("
        + ", ".join(f"CASE WHEN regexp_matches({t}, '{_LABEL}', 'i') THEN {t} END" for t in texts)
        + ", NULL)"
    )
    found = connection.execute(
        f"SELECT {label}, {', '.join(figures)} FROM typed WHERE rowid = {last}"  # noqa: S608  # quoted
    ).fetchall()
    if not found or found[0][0] is None:
        return []
    sums = connection.execute(
        f"SELECT {', '.join(f'sum({f})' for f in figures)} FROM typed WHERE rowid < {last}"  # noqa: S608  # quoted
    ).fetchall()[0]
    pairs = [
        (a, b) for a, b in zip(found[0][1:], sums, strict=True) if a is not None and b is not None
    ]
    if any(a != 0 and abs(float(a) - float(b)) <= abs(float(b)) * 1e-6 + 0.005 for a, b in pairs):
        connection.execute(f"DELETE FROM typed WHERE rowid = {last}")  # noqa: S608  # no outside text
        return [f"The last row ({found[0][0]!r}) is the sum of the rows above and was left out."]
    return [f"The last row is called {found[0][0]!r} but is no sum of the rows above; it was kept."]
