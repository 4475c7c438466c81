"""Query: one SELECT over the session's tables, and nothing else."""

from __future__ import annotations

import hashlib
from uuid import UUID

import pytest

from domain.effect import FailureKind
from tests.support.tool_session import ToolSession

LEDGER = "day,region,revenue\n2026-01-01,North,10.50\n2026-01-02,South,20.25\n2026-01-03,North,1\n"


@pytest.fixture
def ledger(session: ToolSession) -> ToolSession:
    session.add("ledger.csv", LEDGER)
    return session


def test_a_select_answers_columns_rows_and_their_number(ledger: ToolSession) -> None:
    answer = ledger.use(
        "query_table",
        sql="SELECT region, sum(revenue) AS r FROM ledger GROUP BY 1 ORDER BY 1; -- by region",
    )
    assert answer["columns"] == ["region", "r"]
    assert answer["rows"] == [["North", 11.5], ["South", 20.25]]
    assert (answer["row_count"], answer["truncated"]) == (2, False)


@pytest.mark.parametrize("name", ["ledger", '"ledger.csv"', "LEDGER", '"Ledger.CSV"'])
def test_a_table_is_found_by_its_name_and_by_its_files(ledger: ToolSession, name: str) -> None:
    assert ledger.rows(f"WITH t AS (SELECT * FROM {name}) SELECT count(*) FROM t") == [[3]]  # noqa: S608  # a case


def test_values_come_as_json_of_their_kind(ledger: ToolSession) -> None:
    sql = (
        "SELECT 'nan'::DOUBLE, 'inf'::FLOAT, 1.50::DECIMAL(9,2), 2.00::DECIMAL(9,2),"
        " DATE '2026-01-02', TIMESTAMP '2026-01-02 03:04:05', TRUE, NULL, [1, 2], {'a': 1},"
        " INTERVAL 1 DAY, 170141183460469231731687303715884105727::HUGEINT, TIME '01:02:03',"
        " UUID '00000000-0000-0000-0000-000000000001', 'x'::BLOB, TIMESTAMPTZ '2026-01-01 00:00Z'"
    )
    times = ["2026-01-02", "2026-01-02T03:04:05"]
    uuid = "00000000-0000-0000-0000-000000000001"
    big = 170141183460469231731687303715884105727
    nested = ["[1, 2]", "{'a': 1}", "1 day", big, "01:02:03", uuid, "x", "2026-01-01 00:00:00+00"]
    assert ledger.rows(sql) == [[None, None, 1.5, 2, *times, True, None, *nested]]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_csv('http://127.0.0.1:9/x')",
        "SELECT * FROM read_blob('/etc/*')",
        "SELECT * FROM glob('/*')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM 'https://127.0.0.1:9/x.parquet'",
        "SELECT getenv('HOME')",
        "SELECT * FROM query('SELECT * FROM read_text(''/etc/passwd'')')",
        "SELECT * FROM sniff_csv('/etc/passwd')",
        "SELECT * FROM connection",
    ],
)
def test_no_file_address_or_setting_is_within_reach(ledger: ToolSession, sql: str) -> None:
    failure = ledger.failure("query_table", sql=sql)
    assert failure.kind is FailureKind.BAD_INPUT
    assert "root:" not in failure.message


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("COPY ledger TO '/tmp/x.csv'", "Only SELECT"),
        ("ATTACH '/tmp/x.db'", "Only SELECT"),
        ("INSTALL httpfs", "Only SELECT"),
        ("PRAGMA version", "Only SELECT"),
        ("SET threads = 8", "Only SELECT"),
        ("IMPORT DATABASE '/etc'", "Only SELECT"),
        ("DELETE FROM ledger", "Only SELECT"),
        ("CREATE TABLE x AS SELECT 1", "Only SELECT"),
        ("SELECT 1; SELECT 2", "2 statements"),
        ("SELECT 1; DROP TABLE ledger", "Only SELECT"),
        (";", "0 statements"),
        ("SELEC 1", 'cannot be parsed: syntax error at or near "SELEC"'),
        ("SELECT " + "(" * 3000 + "1" + ")" * 3000, "depth limit"),
    ],
)
def test_anything_but_one_select_is_refused_with_the_reason(
    ledger: ToolSession, sql: str, words: str
) -> None:
    failure = ledger.failure("query_table", sql=sql)
    assert failure.kind is FailureKind.BAD_INPUT
    assert words in failure.message


def test_errors_tell_a_model_what_it_could_have_written(ledger: ToolSession) -> None:
    ledger.add("other.csv", "a,b\n1,2\n")
    unknown_table = ledger.failure("query_table", sql="SELECT * FROM ledgers").message
    assert "'ledgers'" in unknown_table
    assert "the tables are: ledger, other" in unknown_table
    unknown_column = ledger.failure("query_table", sql="SELECT revenu FROM ledger").message
    assert "ledger has day, region, revenue" in unknown_column
    cast = ledger.failure("query_table", sql="SELECT region::INT FROM ledger").message
    assert "North" in cast


def test_a_saved_answer_is_a_table_for_later_calls(ledger: ToolSession) -> None:
    answer = ledger.answer(
        "query_table", sql="SELECT * FROM ledger ORDER BY day", limit=1, save_as="q1.csv"
    )
    (artefact,) = answer.artefacts
    written = (ledger.output / "q1.csv").read_bytes()
    assert isinstance(answer.content, dict)
    assert (answer.content["truncated"], answer.content["saved_as"]) == (True, "q1.csv")
    assert artefact.path == "q1.csv"
    assert artefact.media_type == "text/csv"
    assert artefact.size == len(written)
    assert artefact.sha256 == hashlib.sha256(written).hexdigest()
    assert ledger.rows("SELECT sum(revenue), min(day) FROM q1") == [[31.75, "2026-01-01"]]


def test_the_same_effect_run_again_leaves_the_same_bytes(ledger: ToolSession) -> None:
    wish = {"sql": "SELECT * FROM ledger ORDER BY revenue", "save_as": "sorted"}
    found = set()
    for _ in range(2):
        ledger.answer("query_table", effect_id=UUID(int=5), **wish)
        found.add((ledger.output / "sorted.csv").read_bytes())
    assert len(found) == 1
    assert found.pop().splitlines()[1] == b"2026-01-03,North,1.00"
    assert [path.name for path in ledger.output.iterdir()] == ["sorted.csv"]


def test_a_query_that_fails_leaves_no_file(ledger: ToolSession) -> None:
    ledger.failure("query_table", sql="SELECT region::INT FROM ledger", save_as="x.csv")
    assert list(ledger.output.iterdir()) == []


@pytest.mark.parametrize("name", ["../x.csv", "a/b.csv", "/x.csv", ".x", "x\0.csv", "x.exe"])
def test_names_to_save_under_are_plain(ledger: ToolSession, name: str) -> None:
    failure = ledger.failure("query_table", sql="SELECT 1", save_as=name)
    assert failure.kind is FailureKind.BAD_INPUT
    assert "save_as" in failure.message


def test_an_answer_never_takes_the_name_of_an_input(ledger: ToolSession) -> None:
    failure = ledger.failure("query_table", sql="SELECT 1", save_as="Ledger.csv")
    assert "is the table 'ledger' already" in failure.message


def test_a_query_without_end_is_stopped_in_time(ledger: ToolSession) -> None:
    failure = ledger.failure(
        "query_table",
        sql="SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE a.range*b.range=3",
        timeout_s=0.5,
    )
    assert failure.kind is FailureKind.TIMED_OUT
    assert "0.5 seconds" in failure.message


def test_a_query_for_too_much_memory_is_told_so(ledger: ToolSession) -> None:
    sql = "SELECT string_agg(repeat('x', 1000000), '') FROM range(4000)"
    assert ledger.failure("query_table", sql=sql).kind is FailureKind.TOO_LARGE
    failure = ledger.failure("query_table", sql="SELECT repeat('x', 20000000)")
    assert failure.kind is FailureKind.TOO_LARGE
    assert "20,0" in failure.message


def test_two_files_of_one_table_name_are_told_apart(session: ToolSession) -> None:
    session.add("a b.csv", "v,w\n1,x\n")
    session.add("a-b.csv", "v,w\n2,x\n")
    assert session.rows("SELECT a_b.v, a_b_2.v FROM a_b, a_b_2") == [[1, 2]]


def test_the_folder_may_have_any_name(session: ToolSession) -> None:
    session.output = session.output / "Übersicht é's"
    session.use("query_table", sql="SELECT 'ä' AS x", save_as="x.csv")
    assert (session.output / "x.csv").read_bytes() == "x\r\nä\r\n".encode()
