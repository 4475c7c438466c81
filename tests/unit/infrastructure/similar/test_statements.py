"""The text of a search is decided by its shape, and never by what somebody else wrote."""

from __future__ import annotations

import pytest

from infrastructure.similar.statements import (
    BUCKETS,
    DEFAULT_WEIGHTS,
    WEIGHTS,
    Shape,
    bucket_of,
    search_statement,
)


def test_every_tenant_has_a_bucket_that_never_changes() -> None:
    buckets = {bucket_of(f"tenant-{number}") for number in range(1000)}
    assert buckets == set(range(BUCKETS))
    assert (bucket_of("default"), bucket_of("")) == (31, 0)


def test_a_tenant_stands_in_the_text_for_indexes_of_its_own_alone() -> None:
    assert b"acme" not in search_statement(Shape(1, bucket_of("acme")))
    assert b"tenant = 'acme'" in search_statement(Shape(1, bucket_of("acme"), (), "acme"))


@pytest.mark.parametrize(
    ("tenant", "written"),
    [("o'neill", b"'o''neill'"), ("50%", b"'50%%'"), ("a\\'b", rb" E'a\\''b'")],
)
def test_a_tenant_is_quoted(tenant: str, written: bytes) -> None:
    assert written in search_statement(Shape(1, 0, (), tenant))


def test_without_a_model_no_rows_are_named() -> None:
    assert b"hansard_search" not in search_statement(Shape(None, 0))


def test_filters_are_in_every_part_of_the_scan() -> None:
    statement = search_statement(Shape(1, 0, ("agent", "exclude")))
    assert statement.count(b"i.agent = %(agent)s") == 2
    assert statement.count(b"IS DISTINCT FROM %(exclude)s") == 2


def test_what_tells_less_counts_half() -> None:
    assert DEFAULT_WEIGHTS == (1.0, 0.5)
    assert WEIGHTS["static"] == (0.5, 1.0)
    statement = search_statement(Shape(1, 0, weights=WEIGHTS["static"]))
    assert b"coalesce(0.5::double precision / (10 + m.rank), 0)" in statement
