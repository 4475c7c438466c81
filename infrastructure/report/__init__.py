"""Report: one HTML page on what the organisation did, which needs nothing but itself."""

from __future__ import annotations

from infrastructure.report.gathering import ReportQuestion, foresee, gather
from infrastructure.report.page import render
from infrastructure.report.writing import check_writable, write_page

__all__ = ["ReportQuestion", "check_writable", "foresee", "gather", "render", "write_page"]
