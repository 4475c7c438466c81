"""The command `worker`: keep the read models up to date until it is told to end."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import click

from hansard.cli.log_lines import log_to_stderr
from hansard.cli.main import CONFLICT, OK

if TYPE_CHECKING:
    from types import FrameType

    from hansard.bootstrap import House

MAX_PORT = 65_535

logger = logging.getLogger(__name__)


@click.command()
@click.option(
    "--projections",
    "names",
    metavar="A,B",
    default="",
    help="Only the read models of these names, with commas between them.",
)
@click.option("--once", is_flag=True, help="Catch up with the log and end.")
@click.option(
    "--metrics-port",
    metavar="N",
    type=click.IntRange(0, MAX_PORT),
    help="Serve metrics for Prometheus on this port of 127.0.0.1; 0 takes any that is free.",
)
@click.option("--json", "as_json", is_flag=True, help="Log one JSON document a line.")
def worker(*, names: str, once: bool, metrics_port: int | None, as_json: bool) -> int:
    """Keep the read models up to date until SIGTERM or Ctrl-C, which it obeys after a batch.

    Each read model is led by one process at a time. Any number of workers may run: those that do
    not lead stand by, and take over within about a second when the one that leads ends, is killed
    or loses its connection. A database that goes away is waited for.

    Without a worker, read models are kept by the programs that use Hansard. Messages go to standard
    error.
    """
    from hansard import bootstrap  # noqa: PLC0415 - heavy

    log_to_stderr(as_json=as_json)
    chosen = tuple(name for name in (part.strip() for part in names.split(",")) if name)
    with closing(bootstrap.build(bootstrap.load_settings())) as house:
        return _once(house, chosen) if once else _work(house, chosen, metrics_port)


def _work(house: House, names: Sequence[str], metrics_port: int | None) -> int:
    all_names = house.runner_of(names).names

    def tell(led: frozenset[str]) -> None:
        values = {
            "leads": ",".join(name for name in all_names if name in led),
            "stands_by_for": ",".join(name for name in all_names if name not in led),
        }
        logger.info("Leadership changed.", extra={"values": values})

    with _told_to_end() as wait, house.working(names, tell, metrics_port) as (_, address):
        values = {"pid": os.getpid()} | ({"metrics": address} if address else {})
        logger.info("The worker has begun.", extra={"values": values})
        name = wait()
        logger.info("The worker ends.", extra={"values": {"signal": name}})
    logger.info("The worker has ended.")
    return OK


def _once(house: House, names: Sequence[str]) -> int:
    statuses = house.work_off(names)
    for status in statuses:
        values = {"projection": status.name, "position": status.position, "lag": status.lag}
        if status.stopped:
            values |= {"failed_position": status.failed_position, "error": status.error}
            logger.error("A read model stopped.", extra={"values": values})
        else:
            logger.info("A read model is up to date.", extra={"values": values})
    return CONFLICT if any(status.stopped for status in statuses) else OK


@contextmanager
def _told_to_end() -> Iterator[Callable[[], str]]:
    """Listen to signals that ask the process to end; a second one ends it at once.

    Yields:
        What waits for the first one and gives its name.
    """
    reader, writer = os.pipe()

    def note(number: int, _frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        os.write(writer, bytes([number]))

    former = {number: signal.signal(number, note) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield lambda: signal.Signals(os.read(reader, 1)[0]).name
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
        os.close(reader)
        os.close(writer)
