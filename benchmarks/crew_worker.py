"""Crew worker: a worker whose models answer from a script, slowly; or what submits a job for it.

`crew_worker.py CONNINFO HOME [submit]`. It prints how the shards are shared out, again and again.
"""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from benchmarks.crew import ScriptedModel, charter
from hansard import bootstrap
from infrastructure.settings import load_settings

ANSWER_S = 60.0
"""Seconds that a model takes: nobody waits for it."""


def say(shards: int, workers: int) -> None:
    """Tell how the shards are shared out."""
    print(json.dumps({"shards": shards, "workers": workers}), flush=True)


def main() -> None:
    """Work until it is killed, or submit one job."""
    conninfo, home, *orders = sys.argv[1:]
    settings = load_settings(home=Path(home), database_url=conninfo, model="offline")
    with closing(bootstrap.build(settings)) as house:
        if orders == ["submit"]:
            print(asyncio.run(house.sessions.submit(charter(home))))
            return
        model = ScriptedModel()
        model.latency_s = ANSWER_S
        house.sessions = replace(house.sessions, model=model)
        asyncio.run(house.work_on_sessions(asyncio.Event(), 100, say))


if __name__ == "__main__":
    main()
