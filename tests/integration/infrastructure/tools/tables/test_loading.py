"""Loading: files as people and programs write them become typed tables, with notes."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from application.errors import EffectError
from domain.effect import FailureKind
from infrastructure.tools.interruption import Interruption
from infrastructure.tools.tables.loading import Loaded, Source, load


def table(folder: Path, content: str | bytes, name: str = "t.csv") -> tuple[list[Any], Loaded]:
    """Load a file and give its rows."""
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    target = folder / "t.duckdb"
    target.unlink(missing_ok=True)
    loaded = load(Source(name, path), target, Interruption())
    import duckdb

    with duckdb.connect(str(target), read_only=True) as connection:
        rows = connection.execute("FROM data").fetchall()
    assert len(rows) == loaded.rows
    return rows, loaded


def noted(loaded: Loaded, words: str) -> bool:
    return any(words in note for note in loaded.notes)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_every_usual_delimiter_is_found(tmp_path: Path, delimiter: str) -> None:
    text = "\n".join(delimiter.join(line) for line in (("a", "b"), ("x", "1"), ("y", "2")))
    rows, loaded = table(tmp_path, text)
    assert rows == [("x", 1), ("y", 2)]
    assert loaded.columns == ("a", "b")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_text_in_every_usual_encoding_is_read(tmp_path: Path, encoding: str) -> None:
    text = "Größe;Menge\nMüsli für Zoë;3\nCafé;4\nThé à la crème;5\n"
    rows, loaded = table(tmp_path, text.encode(encoding))
    assert rows == [("Müsli für Zoë", 3), ("Café", 4), ("Thé à la crème", 5)]
    assert loaded.columns == ("Größe", "Menge")
    assert noted(loaded, "read as") == (not encoding.startswith("utf-8"))


@pytest.mark.parametrize(
    ("written", "values"),
    [
        (["1234.50", "-0.25", "7"], ["1234.50", "-0.25", "7"]),
        (["1,234.50", "12,345,678.00", "5.25"], ["1234.5", "12345678", "5.25"]),
        (["1.234,50", "12.345.678,00", "5,25"], ["1234.5", "12345678", "5.25"]),
        (["1 234,50", "12 345 678,00", "5,25"], ["1234.5", "12345678", "5.25"]),
        (["1\u00a0234,50", "1\u202f000,10"], ["1234.5", "1000.1"]),
        (["1'234.50", "12'345'678.05"], ["1234.5", "12345678.05"]),
        (["€ 1.234,50", "€ 2,00", "-€ 3,10"], ["1234.5", "2", "-3.1"]),
        (["$1,234.50", "$2.00", "-$3.10"], ["1234.5", "2", "-3.1"]),
        (["1234.50 EUR", "2.00 EUR"], ["1234.5", "2"]),
        (["(1,234.50)", "2.00", "(0.10)"], ["-1234.5", "2", "-0.1"]),
        (["1234.50-", "2.00"], ["-1234.5", "2"]),
        (["\u22125.5", "6.5"], ["-5.5", "6.5"]),
        (["12.5%", "7.25 %"], ["12.5", "7.25"]),
        (["12,34,567.50", "1,00,000.25"], ["1234567.5", "100000.25"]),
        (["0,123", "1,500"], ["0.123", "1.5"]),
    ],
)
def test_numbers_of_every_convention_are_read_exactly(
    tmp_path: Path, written: list[str], values: list[str]
) -> None:
    lines = "\n".join(f"{text}\tx{i}" for i, text in enumerate(written))
    rows, loaded = table(tmp_path, f"amount\tlabel\n{lines}\n", "t.tsv")
    assert [Decimal(row[0]) for row in rows] == [Decimal(value) for value in values]
    assert not noted(loaded, "left out")


def test_a_file_with_decimal_commas_reads_lone_separators_so_and_says_it(tmp_path: Path) -> None:
    rows, loaded = table(tmp_path, "a;b\n1.500;2,25\n2.000;3,5\n")
    assert [row[0] for row in rows] == [1500, 2000]
    assert noted(loaded, "a comma is the decimal sign")


def test_mixed_currencies_and_percentages_are_named(tmp_path: Path) -> None:
    _, loaded = table(tmp_path, "a\tb\tc\n€1.50\t5%\t$1.00\n$2.50\t6%\t$2.00\n", "t.tsv")
    assert noted(loaded, "mixes currencies: '$' (1), '€' (1)") or noted(
        loaded, "mixes currencies: '€' (1), '$' (1)"
    )
    assert noted(loaded, "'b' has percentages")
    assert noted(loaded, "'$' was taken off 'c'")


def test_words_for_missing_values_are_empty_and_counted(tmp_path: Path) -> None:
    rows, loaded = table(tmp_path, "id,v,w\n1,5,x\n2,n/a,-\n3,NULL,y\n4,NA,NA\n5,,z\n")
    assert [row[1] for row in rows] == [5, None, None, None, None]
    assert [row[2] for row in rows] == ["x", None, "y", "NA", "z"]
    assert noted(loaded, "3 values of 'v' stand for 'missing'")
    assert noted(loaded, "1 values of 'w' stand for 'missing'")
    assert noted(loaded, "'NA' in 'w' was kept as a value")


@pytest.mark.parametrize(("yes", "no"), [("true", "false"), ("Ja", "Nein"), ("Y", "N")])
def test_words_for_yes_and_no_are_booleans(tmp_path: Path, yes: str, no: str) -> None:
    rows, _ = table(tmp_path, f"a,b\n1,{yes}\n2,{no}\n3,\n")
    assert [row[1] for row in rows] == [True, False, None]


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("2026-03-25", date(2026, 3, 25)),
        ("2026/03/25", date(2026, 3, 25)),
        ("25.03.2026", date(2026, 3, 25)),
        ("25/03/2026", date(2026, 3, 25)),
        ("03/25/2026", date(2026, 3, 25)),
        ("25.03.26", date(2026, 3, 25)),
        ("25 March 2026", date(2026, 3, 25)),
        ("March 25, 2026", date(2026, 3, 25)),
        ("25. März 2026", date(2026, 3, 25)),
        ("25 mars 2026", date(2026, 3, 25)),
        ("1er février 2026", date(2026, 2, 1)),
        ("25 de marzo de 2026", date(2026, 3, 25)),
        ("25 dicembre 2026", date(2026, 12, 25)),
        ("25-Mar-26", date(2026, 3, 25)),
        ("Wed, 25 Mar 2026", date(2026, 3, 25)),
        ("2026-03", date(2026, 3, 1)),
        ("Q2 2026", date(2026, 4, 1)),
        ("2026 Q4", date(2026, 10, 1)),
        ("Dezember 2026", date(2026, 12, 1)),
    ],
)
def test_days_are_read_as_people_write_them(tmp_path: Path, written: str, day: date) -> None:
    rows, _ = table(tmp_path, f"when\tn\n{written}\t1\n{written}\t2\n", "t.tsv")
    assert [row[0] for row in rows] == [day, day]


def test_dates_that_can_be_read_both_ways_come_with_the_assumption(tmp_path: Path) -> None:
    rows, loaded = table(tmp_path, "d,v\n03/04/2026,1\n05/06/2026,2\n")
    assert rows[0][0] == date(2026, 3, 4)
    assert noted(loaded, "assumed: month first")
    rows, loaded = table(tmp_path, "d;v\n03.04.2026;1\n05.06.2026;2\n")
    assert rows[0][0] == date(2026, 4, 3)
    assert noted(loaded, "assumed: day first")


def test_one_day_above_twelve_decides_the_whole_column(tmp_path: Path) -> None:
    rows, loaded = table(tmp_path, "d,v\n03/04/2026,1\n25/06/2026,2\n")
    assert [row[0] for row in rows] == [date(2026, 4, 3), date(2026, 6, 25)]
    assert not noted(loaded, "assumed")


def test_moments_with_zones_are_brought_to_utc(tmp_path: Path) -> None:
    rows, loaded = table(tmp_path, "at,v\n2026-03-01T12:00:00+02:00,1\n2026-03-01 12:30:00Z,2\n")
    assert [row[0] for row in rows] == [datetime(2026, 3, 1, 10), datetime(2026, 3, 1, 12, 30)]  # noqa: DTZ001  # UTC
    assert noted(loaded, "brought to UTC")


def test_impossible_days_are_left_empty_and_named(tmp_path: Path) -> None:
    days = "".join(f"2026-01-{n:02},{n}\n" for n in range(1, 20))
    rows, loaded = table(tmp_path, f"d,v\n{days}2026-02-30,20\n")
    assert rows[-1] == (None, 20)
    assert noted(loaded, "1 of 20 values of 'd' are no dates and were left out: '2026-02-30'")


def test_slips_among_numbers_are_left_empty_and_named(tmp_path: Path) -> None:
    numbers = "".join(f"x{n},{n}.5\n" for n in range(20))
    rows, loaded = table(tmp_path, f"k,v\n{numbers}y,about ten\n")
    assert rows[-1] == ("y", None)
    assert noted(loaded, "1 of 21 values of 'v' are no numbers and were left out: 'about ten'")


def test_titles_comments_and_blank_lines_are_no_rows_and_are_told(tmp_path: Path) -> None:
    text = "Annual report\nBerlin\n\na,b,c\n1,2,x\n\n# a remark\n3,4,y\n"
    rows, loaded = table(tmp_path, text)
    assert rows == [(1, 2, "x"), (3, 4, "y")]
    assert noted(loaded, "titles, not data: 'Annual report; Berlin'")
    assert noted(loaded, "1 comment lines")


def test_ragged_rows_are_repaired_and_told_with_their_lines(tmp_path: Path) -> None:
    rows, loaded = table(tmp_path, "a,b,c\n1,2,3\n4,5\n6,7,8,extra\nlonely\n9,10,11\n")
    assert rows == [(1, 2, 3), (4, 5, None), (6, 7, 8), (9, 10, 11)]
    assert noted(loaded, "1 rows have fewer than 3 values; the missing ones are empty (lines 3)")
    assert noted(loaded, "line 4: 'extra'")
    assert noted(loaded, "line 5: 'lonely'")


def test_a_quotation_mark_that_is_never_closed_costs_no_rows(tmp_path: Path) -> None:
    body = "".join(f"{n},w{n},{n}\n" for n in range(1000))
    rows, loaded = table(tmp_path, f'a,b,c\n1000,"5 inch,1\n{body}')
    assert len(rows) == 1001
    assert noted(loaded, "never closed")


def test_quoted_values_keep_delimiters_quotes_and_line_breaks(tmp_path: Path) -> None:
    rows, _ = table(tmp_path, 'a,b\n"x, ""y""\nz",1\nplain,2\n')
    assert rows == [('x, "y"\nz', 1), ("plain", 2)]


def test_a_total_in_the_last_row_is_left_out_and_told(tmp_path: Path) -> None:
    rows, loaded = table(tmp_path, "k,v\na,1.50\nb,2.50\nTotal,4.00\n")
    assert rows == [("a", Decimal("1.50")), ("b", Decimal("2.50"))]
    assert noted(loaded, "'Total'")
    rows, loaded = table(tmp_path, "k,v\na,1.50\nb,2.50\nTotal,9.00\n")
    assert len(rows) == 3
    assert noted(loaded, "is no sum of the rows above; it was kept")


def test_headers_that_repeat_lack_or_are_empty_get_names(tmp_path: Path) -> None:
    _, loaded = table(tmp_path, "a,A,,d\n1,2,3,x\n4,5,6,y\n")
    assert loaded.columns == ("a", "A_2", "column_3", "d")
    assert noted(loaded, "occurs twice")
    rows, loaded = table(tmp_path, "1,2.5\n3,4.5\n")
    assert loaded.columns == ("column_1", "column_2")
    assert len(rows) == 2
    assert noted(loaded, "has no header")


def test_a_list_of_values_is_a_table_of_one_column(tmp_path: Path) -> None:
    rows, loaded = table(tmp_path, "amount\n1.5\n2.5\n\n3\n")
    assert loaded.columns == ("amount",)
    assert [row[0] for row in rows] == [Decimal("1.5"), Decimal("2.5"), Decimal(3)]


def test_codes_with_leading_zeros_stay_text(tmp_path: Path) -> None:
    rows, loaded = table(tmp_path, "zip,n\n01067,1\n10115,2\n")
    assert [row[0] for row in rows] == ["01067", "10115"]
    assert noted(loaded, "leading zeros such as '01067'")


def test_numbers_too_long_to_be_exact_stay_text(tmp_path: Path) -> None:
    rows, _ = table(tmp_path, "iban,n\n12345678901234567890123,1\n22345678901234567890123,2\n")
    assert rows[0][0] == "12345678901234567890123"


@pytest.mark.parametrize("lines", [True, False])
def test_json_records_become_rows(tmp_path: Path, lines: bool) -> None:  # noqa: FBT001  # a case
    records = [{"a": 1, "d": "2026-01-02", "n": {"x": [1]}}, {"a": 2.5, "d": "2026-01-03"}]
    text = "\n".join(map(json.dumps, records)) if lines else json.dumps(records)
    rows, loaded = table(tmp_path, text, "t.json")
    assert [(Decimal(row[0]), row[1]) for row in rows] == [
        (Decimal(1), date(2026, 1, 2)),
        (Decimal("2.5"), date(2026, 1, 3)),
    ]
    assert json.loads(rows[0][2]) == {"x": [1]}
    assert noted(loaded, "'n' holds nested values")


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    import duckdb

    path = tmp_path / "made.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            "COPY (SELECT 1.25::DECIMAL(9,2) AS v, DATE '2026-01-02' AS d, [1, 2] AS l,"
            " 'x'::BLOB AS b, TIMESTAMPTZ '2026-01-01 00:00:00+00' AS z)"
            f" TO '{path}' (FORMAT parquet)"
        )
    rows, loaded = table(tmp_path, path.read_bytes(), "t.parquet")
    assert loaded.columns == ("v", "d", "l", "z")
    assert rows == [(Decimal("1.25"), date(2026, 1, 2), "[1,2]", datetime(2026, 1, 1))]  # noqa: DTZ001  # UTC
    assert noted(loaded, "'b' holds binary data and was left out")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b"%PDF-1.7 ...", "a PDF document"),
        (b"PK\x03\x04....", "an Excel workbook"),
        (bytes(range(256)) * 8, "a binary file"),
        (b"PAR1 but broken", "cannot be read as a table"),
        (b'{"a": 1, "b": {"c": 2}', "JSON"),
        (b"[1, 2, 3]", "JSON"),
        (
            (
                b"It was the best of times, it was\nthe age of wisdom and of many other\n"
                b"things that nobody, ever, could count at all.\n"
            ),
            "running text",
        ),
    ],
)
def test_what_is_no_table_is_refused_in_one_clear_sentence(
    tmp_path: Path, content: bytes, words: str
) -> None:
    with pytest.raises(EffectError, match=words) as raised:
        table(tmp_path, content)
    assert raised.value.failure.kind is FailureKind.BAD_INPUT
    assert "'t.csv'" in raised.value.failure.message
    assert str(tmp_path) not in raised.value.failure.message


def test_a_single_json_object_is_no_table(tmp_path: Path) -> None:
    with pytest.raises(EffectError, match="one object") as raised:
        table(tmp_path, '{\n "name": "x",\n "size": {"a": 1}\n}\n', "t.json")
    assert raised.value.failure.kind is FailureKind.BAD_INPUT


def test_loading_ends_when_it_is_interrupted(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1,2\n")
    interruption = Interruption()
    interruption.trigger()
    with pytest.raises(EffectError, match="stopped"):
        load(Source("t.csv", path), tmp_path / "t.duckdb", interruption)


def test_fifty_megabytes_are_loaded_whole(tmp_path: Path) -> None:
    lines = "".join(
        f"2026-01-{n % 28 + 1:02},Region {n % 7},product {n % 91},{n % 9973}.{n % 100:02}\n"
        for n in range(125_000)
    )
    content = "day,region,product,amount\n" + lines * 12
    path = tmp_path / "t.csv"
    path.write_text(content)
    started = perf_counter()
    loaded = load(Source("t.csv", path), tmp_path / "t.duckdb", Interruption())
    print(f"{len(content) / 1e6:.0f} MB in {perf_counter() - started:.1f} s")  # noqa: T201  # to be seen with -s
    assert loaded.rows == 1_500_000


NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8)
CELLS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12
).map(lambda text: "v" + text.strip())


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=st.lists(st.tuples(CELLS, st.integers(-(10**9), 10**9)), min_size=2, max_size=6))
def test_no_row_and_no_value_is_lost_whatever_the_text(
    tmp_path: Path, rows: list[tuple[str, int]]
) -> None:
    body = "".join('"{}",{}\n'.format(text.replace('"', '""'), number) for text, number in rows)
    found, _ = table(tmp_path, f"text,number\n{body}")
    assert [row[1] for row in found] == [number for _, number in rows]
    assert [row[0] for row in found] == [text.strip(" \u00a0\ufeff") for text, _ in rows]
