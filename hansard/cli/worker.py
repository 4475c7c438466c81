"""The command `worker`: run sessions and keep the read models until it is told to end."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING

import click

from hansard.cli.log_lines import log_to_stderr
from hansard.cli.main import CONFLICT, OK

if TYPE_CHECKING:
    from types import FrameType

    from hansard.bootstrap import House

MAX_PORT = 65_535
CONCURRENCY = 100

logger = logging.getLogger(__name__)


@click.command()
@click.option(
    "--projections",
    "names",
    metavar="A,B",
    default="",
    help="Only the read models of these names, with commas between them.",
)
@click.option("--no-projections", is_flag=True, help="Keep no read models, only run sessions.")
@click.option("--no-sessions", is_flag=True, help="Run no sessions, only keep read models.")
@click.option(
    "--concurrency",
    metavar="N",
    type=click.IntRange(1),
    default=CONCURRENCY,
    show_default=True,
    help="Sessions that are run at once.",
)
@click.option("--once", is_flag=True, help="Catch the read models up with the log and end.")
@click.option(
    "--metrics-port",
    metavar="N",
    type=click.IntRange(0, MAX_PORT),
    help="Serve metrics for Prometheus on this port of 127.0.0.1; 0 takes any that is free.",
)
@click.option("--json", "as_json", is_flag=True, help="Log one JSON document a line.")
def worker(
    *,
    names: str,
    no_projections: bool,
    no_sessions: bool,
    concurrency: int,
    once: bool,
    metrics_port: int | None,
    as_json: bool,
) -> int:
    """Run sessions and keep the read models up to date until SIGTERM or Ctrl-C.

    Any number of workers may run, on any machines that reach the database. They share the sessions
    that were left to them (`hansard submit`) or lost by others; those of a worker that is killed
    are taken over within about a second. Each read model is led by one process at a time, and the
    others stand by. A database that goes away is waited for.

    When it is told to end, what runs comes to rest, and others go on with it; told twice, it ends
    at once. Messages go to standard error.
    """
    from hansard import bootstrap  # noqa: PLC0415 - heavy

    if no_projections and (no_sessions or once):
        raise click.UsageError("Nothing is left to do: leave out one of the options.")
    log_to_stderr(as_json=as_json)
    chosen = tuple(name for name in (part.strip() for part in names.split(",")) if name)
    with closing(bootstrap.build(bootstrap.load_settings())) as house:
        if once:
            return _once(house, chosen)
        with ExitStack() as doing, _told_to_end() as wait:
            values: dict[str, object] = {"pid": os.getpid()}
            if not no_projections:
                values |= doing.enter_context(_keeping(house, chosen, metrics_port))
            if not no_sessions:
                bootstrap.ease_collector()
                doing.enter_context(_running_sessions(house, concurrency))
            logger.info("The worker has begun.", extra={"values": values})
            name = wait()
            logger.info("The worker ends.", extra={"values": {"signal": name}})
            doing.close()
    logger.info("The worker has ended.")
    return OK


@contextmanager
def _keeping(
    house: House, names: Sequence[str], metrics_port: int | None
) -> Iterator[dict[str, object]]:
    """Keep read models while the context lasts; gives the address of the metrics."""
    all_names = house.runner_of(names).names

    def tell(led: frozenset[str]) -> None:
        values = {
            "leads": ",".join(name for name in all_names if name in led),
            "stands_by_for": ",".join(name for name in all_names if name not in led),
        }
        logger.info("Leadership changed.", extra={"values": values})

    with house.working(names, tell, metrics_port) as (_, address):
        yield {"metrics": address} if address else {}


@contextmanager
def _running_sessions(house: House, concurrency: int) -> Iterator[None]:
    """Run sessions in a thread of their own while the context lasts."""
    import asyncio  # noqa: PLC0415 - heavy
    from concurrent.futures import Future  # noqa: PLC0415
    from threading import Event, Thread  # noqa: PLC0415

    begun: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()
    ended: Future[None] = Future()

    def tell(shards: int, workers: int) -> None:
        values = {"shards": shards, "workers": workers}
        logger.info("Sessions are shared out.", extra={"values": values})

    async def work() -> None:
        stop = asyncio.Event()
        begun.set_result((asyncio.get_running_loop(), stop))
        await house.work_on_sessions(stop, concurrency, tell)

    def run() -> None:
        try:
            asyncio.run(work())
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            ended.set_exception(error)
            if not stopping.is_set():
                os.kill(os.getpid(), signal.SIGTERM)  # who does not work shall not seem to
        else:
            ended.set_result(None)

    stopping = Event()
    thread = Thread(target=run, name="hansard-sessions")
    thread.start()
    loop, stop = begun.result()
    try:
        yield
    finally:
        stopping.set()
        if not ended.done():
            loop.call_soon_threadsafe(stop.set)
        thread.join()
        ended.result()


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
