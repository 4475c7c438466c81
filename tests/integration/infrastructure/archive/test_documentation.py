"""What docs/archive.md tells readers to run does what it says."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from infrastructure.database import Connection
from tests.support.archive import ArchivableLog, fill_log

PAGE = Path(__file__).parents[4] / "docs" / "archive.md"


def test_the_query_over_files_and_view_counts_every_event(
    log: ArchivableLog, connection: Connection, tmp_path: Path
) -> None:
    import duckdb

    fill_log(log.recorder, 600)
    log.archiver.run(300)
    text = PAGE.read_text(encoding="utf-8")
    found = re.search(r'psql .* -c "(COPY .*)" \| duckdb -c "\n(.*?)"\n```', text, re.DOTALL)
    assert found is not None
    export, query = found.groups()
    rest = tmp_path / "rest.csv"
    with connection.cursor() as cursor, cursor.copy(export.encode()) as copy:
        rest.write_bytes(b"".join(bytes(line) for line in copy))
    query = query.replace("/dev/stdin", str(rest)).replace("archive/", f"{log.folder}/")

    answer = duckdb.sql(query)
    assert answer is not None
    counted: Counter[str] = Counter()
    for kind, events in answer.project("type, events").fetchall():
        counted[kind or ""] += events  # CSV has no empty text

    assert counted == Counter(event.topic for event in log.recorder.select_log())
