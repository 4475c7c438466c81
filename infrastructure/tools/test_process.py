"""Test process: runs unit tests that a model wrote, confined, and tells what came of them.

This file is run as a program of its own. It gets its order as one JSON object in its only argument,
and writes one JSON object to the descriptor that the order names. What the tests print goes to its
standard output, which its parent bounds.
"""

from __future__ import annotations

import importlib.util
import io
import json
import os
import sys
import tempfile
import time
import unittest
from typing import Any

_SAID = 600
_MOST_FAILURES = 20


def main() -> None:
    """Confine this process, run the tests, tell."""
    order = json.loads(sys.argv[1])
    told: dict[str, Any]
    with os.fdopen(order["answer_to"], "w") as answer:
        confinement = _load("confinement", order["confinement"])
        try:
            limits = confinement.Limits(**order["limits"])
            isolation = confinement.confine(order["readable"], order["folder"], limits)
        except (confinement.ConfinementError, OSError) as error:
            told = {"unconfined": str(error)}
        else:
            told = {"isolation": isolation, **_run(order["folder"], order["tests"])}
        sys.stdout.flush()  # whoever waits for the answer reads no further
        json.dump(told, answer)
    os._exit(0)  # whatever the tests left running ends here


def _load(name: str, path: str) -> Any:
    specification = importlib.util.spec_from_file_location(name, path)
    if specification is None or specification.loader is None:
        raise ImportError(path)
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    specification.loader.exec_module(module)
    return module


def _run(folder: str, tests: list[str]) -> dict[str, Any]:
    os.chdir(folder)
    tempfile.tempdir = folder
    sys.path.insert(0, folder)
    sys.dont_write_bytecode = True
    suite = unittest.defaultTestLoader.loadTestsFromNames(tests)
    started = time.perf_counter()
    found = unittest.TextTestRunner(stream=io.StringIO(), verbosity=0).run(suite)
    broken = [*found.failures, *found.errors]
    return {
        "ran": found.testsRun,
        "passed": max(found.testsRun - len(broken) - len(found.skipped), 0),
        "skipped": len(found.skipped),
        "failures": [
            {"test": case.id(), "message": said.strip()[-_SAID:]}
            for case, said in broken[:_MOST_FAILURES]
        ],
        "duration_ms": (time.perf_counter() - started) * 1000,
    }


if __name__ == "__main__":
    main()
