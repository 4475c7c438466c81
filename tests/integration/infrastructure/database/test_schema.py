"""Schema: migrating a database."""
import pytest

@pytest.mark.parametrize("n", range(10))
def test_quick(pool, n):
    with pool.connection() as c:
        assert c.execute("select 1").fetchone() == (1,)
