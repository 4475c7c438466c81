"""OrganisationScript: answers like models that do the quarterly report, from the prompt alone."""

from __future__ import annotations

import json
import re
from pathlib import PurePath
from typing import Any

from tests.support.messages_api.replies import Answer, Use

DATA = re.compile(r'<data source="([^"]*)">(.*?)</data>', re.DOTALL)
TASK = re.compile(r"^Your task (\w+): ", re.MULTILINE)
QUARTER_FILE = "quarter.csv"
QUARTER_TABLE = "quarter"

PLAN = {
    "tasks": [
        {
            "key": "extract",
            "title": "Extract the Q4 data",
            "instruction": "Profile the table and save the rows of the last Q4.",
            "department": "finance",
            "skills": ["statements"],
        },
        {
            "key": "metrics",
            "title": "Compute the Q4 metrics",
            "instruction": "Compute the total and the totals of each group.",
            "department": "analytics",
            "skills": ["metrics"],
            "depends_on": ["extract"],
        },
        {
            "key": "charts",
            "title": "Draw the Q4 charts",
            "instruction": "Draw the totals of each group as bars.",
            "department": "creative",
            "skills": ["charts"],
            "depends_on": ["extract"],
        },
        {
            "key": "report",
            "title": "Assemble the Q4 report",
            "instruction": "Write the report with its figures and charts.",
            "department": "finance",
            "skills": ["reporting"],
            "depends_on": ["metrics", "charts"],
        },
    ],
    "complexity": 0.6,
    "reason": "A report needs data, figures, charts and words.",
}


class OrganisationScript:
    """Replies of Nova, MasterMind and the specialists for the worked example of requirement B8.

    It knows the purpose by the tools on offer, the task by its key, columns by the profile that
    the tools gave. Files are named in the prompt; nothing about them is built in.
    """

    def __call__(self, request: dict[str, Any]) -> Answer:
        """Answer one request."""
        tools = {tool["name"] for tool in request.get("tools", [])}
        opening = _text_of(request["messages"][0])
        if "submit_intent" in tools:
            intent = {"goal": "Report on the fourth quarter with charts.", "language": "en"}
            return Answer(uses=(Use("submit_intent", intent),))
        if "submit_plan" in tools:
            return Answer(uses=(Use("submit_plan", PLAN),))
        if "submit_result" in tools:
            return _Work(opening, _results(request["messages"])).next()
        told = _data(opening).get("task report by", {})
        return Answer(text=f"Your report is ready.\n\n{told.get('summary', '')}".strip())


class _Work:
    """The work of one specialist, up to now."""

    def __init__(self, opening: str, results: list[tuple[str, bool, Any]]) -> None:
        self._data = _data(opening)
        self._results = results
        found = TASK.search(opening)
        self._task = found.group(1) if found else ""

    def next(self) -> Answer:
        """Use the next tools, or hand in."""
        failed = [value for _, failed, value in self._results if failed]
        if failed:
            return _submit(f"It failed: {failed[-1]}", {}, done=False)
        steps = {
            "extract": self._extract,
            "metrics": self._metrics,
            "charts": self._charts,
            "report": self._report,
        }
        if self._task not in steps:
            return _submit(f"I do not know the task {self._task!r}.", {}, done=False)
        return steps[self._task]()

    def _extract(self) -> Answer:
        names = [file["name"] for file in self._data.get("input files", [])]
        if not names:
            return _submit("There is no input file.", {}, done=False)
        table = PurePath(names[0]).stem
        if not self._results:
            use = Use("profile_table", {"table": table})
            return Answer("I look at the table first.", (use,))
        columns = self._results[0][2]["columns"]
        measure, group = _first(columns, "measure"), _first(columns, "dimension")
        if measure is None or group is None:
            return _submit("The table has nothing to add up.", {}, done=False)
        if len(self._results) == 1:
            sql = _quarter_sql(table, _first(columns, "date"))
            use = Use("query_table", {"sql": sql, "limit": 3, "save_as": QUARTER_FILE})
            return Answer(uses=(use,))
        rows = self._results[1][2]["row_count"]
        findings = {"table": QUARTER_TABLE, "measure": measure, "group": group, "rows": rows}
        return _submit(f"{rows} rows belong to the quarter.", findings)

    def _metrics(self) -> Answer:
        found = self._findings("extract")
        total = _select(_total(found), found["table"])
        if not self._results:
            grouped = Use("query_table", {"sql": _groups_sql(found)})
            return Answer("Both at once.", (grouped, Use("query_table", {"sql": total})))
        rows, whole = self._results[0][2]["rows"], self._results[1][2]["rows"][0][0]
        return _submit(f"The total is {whole}.", found | {"groups": rows, "total": whole})

    def _charts(self) -> Answer:
        found = self._findings("extract")
        if not self._results:
            chart = {
                "title": f"{found['measure']} by {found['group']}",
                "kind": "bar",
                "sql": _groups_sql(found),
                "x": found["group"],
                "y": ["total"],
                "file_name": "groups.svg",
            }
            return Answer(uses=(Use("draw_chart", chart),))
        return _submit("One chart is drawn.", {"charts": [self._results[0][2]["file"]]})

    def _report(self) -> Answer:
        found = self._findings("metrics")
        lines = [f"The total of {found['measure']} is **{found['total']}**.", ""]
        lines += [f"| {found['group']} | total |", "|---|---|"]
        lines += [f"| {name} | {total} |" for name, total in found["groups"]]
        lines += ["", *(f"![Totals]({chart})" for chart in self._findings("charts")["charts"])]
        if not self._results:
            document = {"title": "Q4 report", "markdown": "\n".join(lines), "file_stem": "report"}
            return Answer(uses=(Use("write_document", document),))
        return _submit(lines[0], {"files": self._results[0][2]["files"]})

    def _findings(self, task: str) -> dict[str, Any]:
        findings: dict[str, Any] = self._data[f"task {task} by"]["data"]
        return findings


def _submit(summary: str, data: dict[str, Any], *, done: bool = True) -> Answer:
    return Answer(uses=(Use("submit_result", {"done": done, "summary": summary, "data": data}),))


def _quarter_sql(table: str, date: str | None) -> str:
    rows = _select("*", table)
    if date is None:
        return rows
    day = f"CAST({_q(date)} AS DATE)"
    latest = _select(f"MAX(EXTRACT(year FROM {day}))", table)
    return f"{rows} WHERE EXTRACT(quarter FROM {day}) = 4 AND EXTRACT(year FROM {day}) = ({latest})"


def _groups_sql(found: dict[str, Any]) -> str:
    columns = f"{_q(found['group'])}, {_total(found)}"
    return f"{_select(columns, found['table'])} GROUP BY 1 ORDER BY 2 DESC, 1"


def _total(found: dict[str, Any]) -> str:
    return f"ROUND(SUM({_q(found['measure'])}), 2) AS total"


def _select(columns: str, table: str) -> str:
    return f"SELECT {columns} FROM {_q(table)}"  # noqa: S608 - names come from the tool's profile


def _q(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _first(columns: list[dict[str, Any]], role: str) -> str | None:
    return next((column["name"] for column in columns if column["role"] == role), None)


def _text_of(message: dict[str, Any]) -> str:
    content = message["content"]
    if isinstance(content, str):
        return content
    return "\n".join(block["text"] for block in content if block["type"] == "text")


def _data(text: str) -> dict[str, Any]:
    """Read the marked data of a text; tasks without the name of who did them."""
    found = {}
    for label, content in DATA.findall(text):
        name = re.sub(r"^(task \w+ by) .*", r"\1", label)
        found[name] = json.loads(content)
    return found


def _results(messages: list[dict[str, Any]]) -> list[tuple[str, bool, Any]]:
    """List the tool results: tool, whether it failed, and what it gave."""
    names = {
        block["id"]: block["name"]
        for message in messages
        for block in message["content"]
        if block["type"] == "tool_use"
    }
    found = []
    for message in messages:
        for block in message["content"]:
            if block["type"] == "tool_result":
                marked = DATA.search(block["content"])
                value = json.loads(marked.group(2)) if marked else block["content"]
                found.append((names[block["tool_use_id"]], block.get("is_error", False), value))
    return found
