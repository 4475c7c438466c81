"""ProductTeamScript: answers like models in the roles of a product team, from the prompt alone.

The developer's first module has a mistake, so that the tests of the QA engineer fail and the task
is handed back and forth.
"""

from __future__ import annotations

import re
from typing import Any

from tests.support.messages_api.organisation import TASK, _results, _submit, _text_of
from tests.support.messages_api.replies import Answer, Use

OUTPUTS = re.compile(r"Leave these files, by these names: ([^\n]*)\.$", re.MULTILINE)
AGENT = re.compile(r"^You are .* \((\w+)\)\.", re.MULTILINE)
BROKEN = '''"""Shouting: turns words into capital letters."""


def shout(text: str) -> str:
    """Turn words into capital letters."""
    return text.title()


def main(arguments: list[str] | None = None) -> int:
    """Print what is shouted."""
    print(shout(" ".join(arguments or [])))
    return 0
'''
MENDED = BROKEN.replace("text.title()", "text.upper()")
TESTS = """import unittest

from product import shout


class ShoutTest(unittest.TestCase):
    def test_capitals(self) -> None:
        self.assertEqual(shout("good news"), "GOOD NEWS")
"""


class ProductTeamScript:
    """Replies of the roles; counts how often a task was handed on."""

    def __init__(self) -> None:
        self.handoffs: list[str] = []

    def __call__(self, request: dict[str, Any]) -> Answer:
        """Answer one request."""
        tools = {tool["name"] for tool in request.get("tools", [])}
        system = request["system"][0]["text"]
        opening = _text_of(request["messages"][0])
        if "submit_verdict" in tools:
            verdict = {"accepted": True, "reason": "It is my part."}
            return Answer(uses=(Use("submit_verdict", verdict),))
        if "submit_result" not in tools:
            return Answer(text="The product is delivered: see the files.")
        found = TASK.search(opening)
        agent = AGENT.search(system)
        assert found is not None
        assert agent is not None
        results = _results(request["messages"])
        if found.group(1) == "quality_report":
            return self._report(agent.group(1), results)
        return self._write(OUTPUTS.findall(system)[0], results)

    @staticmethod
    def _write(name: str, results: list[tuple[str, bool, Any]]) -> Answer:
        contents = {"product.py": BROKEN, "test_product.py": TESTS}
        content = contents.get(name, f"# {name}\n\nShout: say it in capital letters.")
        if not results:
            return Answer(uses=(Use("write_file", {"name": name, "content": content}),))
        assert not results[-1][1], results
        return _submit(f"{name} is written.", {"file": name})

    def _report(self, agent: str, results: list[tuple[str, bool, Any]]) -> Answer:
        if agent == "PT_DEVELOPER":
            if not results:
                mended = {"name": "product.py", "content": MENDED}
                return Answer("I mend it.", (Use("write_file", mended),))
            return self._hand_off("PT_QUALITY", "Run the tests again: product.py is mended.")
        if not results:
            files = {"files": ["product.py", "test_product.py"]}
            return Answer(uses=(Use("run_tests", files),))
        tool, failed, told = results[-1]
        assert not failed, told
        if tool == "write_file":
            return _submit("All tests passed.", {"passed": True})
        if told["failures"]:
            failing = told["failures"][0]["test"]
            return self._hand_off("PT_DEVELOPER", f"Mend product.py: {failing} fails.")
        report = f"# Quality report\n\n{told['passed']} of {told['ran']} tests passed."
        return Answer(uses=(Use("write_file", {"name": "quality_report.md", "content": report}),))

    def _hand_off(self, target: str, request: str) -> Answer:
        self.handoffs.append(target)
        return Answer(uses=(Use("hand_off", {"target": target, "request": request}),))
