"""A report with everything in it that a report can show."""

from __future__ import annotations

from datetime import timedelta

import pytest

from infrastructure.report import ReportQuestion, foresee, gather
from infrastructure.report.gathering import ReportView
from tests.support.dated_history import dated_history
from tests.support.postgres import TestServer


@pytest.fixture(scope="session")
def view(postgres_server: TestServer) -> ReportView:
    """What the read models say of a busy history of eight weeks."""
    with dated_history(postgres_server, 1_500, timedelta(minutes=54)) as history:
        question = ReportQuestion(as_of=history.ends_at)
        view = gather(history.connection, history.log, question, lambda _: None)
    return foresee(view, lambda _: None)
