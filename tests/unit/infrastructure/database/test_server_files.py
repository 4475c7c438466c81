"""Server files: what is made of the log of a server that does not come up."""

from __future__ import annotations

from pathlib import Path

import pytest

from infrastructure.database.server_files import ServerFiles, explain_failure

FOLDER = Path("/somewhere/postgres")


@pytest.mark.parametrize(
    ("said", "reason", "advice"),
    [
        pytest.param(
            '2026-01-01 UTC [1] FATAL:  could not write lock file "postmaster.pid":'
            " No space left on device",
            'could not write lock file "postmaster.pid": No space left on device',
            "the disk is full: free some space and try again",
        ),
        pytest.param(
            "initdb: error: could not create directory: Disk quota exceeded",
            "could not create directory: Disk quota exceeded",
            "the disk is full",
        ),
        pytest.param(
            '[1] LOG:  starting\n[1] FATAL:  data directory "/x" has wrong ownership\n[1] HINT:  ?',
            'data directory "/x" has wrong ownership',
            "its files belong to somebody else",
        ),
        pytest.param(
            "[1] FATAL:  could not create shared memory segment: No such process",
            "could not create shared memory segment",
            "raise its limits (in a container, --shm-size)",
        ),
        pytest.param(
            "[1] FATAL:  database files are incompatible with server",
            "database files are incompatible with server",
            "its data are of another version of PostgreSQL",
        ),
        pytest.param(
            "[1] PANIC:  could not locate a valid checkpoint record",
            "could not locate a valid checkpoint record",
            "its data may be damaged",
        ),
        ("something\nunheard of", "unheard of", "its data may be damaged"),
    ],
)
def test_a_failure_is_told_in_one_sentence_with_advice(said: str, reason: str, advice: str) -> None:
    told = str(explain_failure(FOLDER, said))

    assert told.startswith(f"The embedded server in '{FOLDER}' did not start ({reason}")
    assert advice in told
    assert "\n" not in told


@pytest.mark.parametrize(
    ("folder", "fits"),
    [
        ("/short", True),
        ("/with blanks and 'quotes'", True),
        ("/" + "x" * 100, False),
        ("/" + "ü" * 50, False),
        ("/a,b", False),
        ('/a"b', False),
    ],
)
def test_a_socket_needs_a_short_path_that_libpq_does_not_take_apart(
    folder: str, *, fits: bool
) -> None:
    assert ServerFiles.fits_socket(Path(folder)) is fits


def test_a_crashed_server_that_wrote_half_a_file_has_no_known_socket(tmp_path: Path) -> None:
    files = ServerFiles(tmp_path)
    files.data.mkdir()
    files.pid.write_text("123\n/somewhere\n")

    assert files.socket_folder_in_use() is None
