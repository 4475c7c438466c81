"""The command `messages`: what agents send each other, what waits, and what could not arrive."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

import hansard
from domain.conversation import USER
from domain.priority import Priority
from hansard.cli.figures import NOTHING, count, duration, moment, tell_computed
from hansard.cli.looking import AT, JSON, facts, table_of, tell_next
from hansard.cli.main import CONFLICT, NOT_FOUND, OK
from hansard.cli.terminal import clean, console, print_json

if TYPE_CHECKING:
    from application.messaging.views import MessageView, SentView
    from projections.messages import MessageSummaryView
    from projections.protocol import Page

STATUSES = ("waiting", "delivered", "expired", "dead")
STYLES = {"delivered": "green", "expired": "yellow", "dead": "red"}
LIMIT = click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000))
BEFORE = click.option("--before", type=int, help="Continue a list: the `next` of the page before.")
SESSION = click.option("--session", help="Only messages about this session; `last` is the newest.")


@click.group()
def messages() -> None:
    """List messages between agents, send them, and send what could not arrive once more."""


@messages.command("list")
@click.option("--agent", metavar="HANDLE", help="Only messages from or to this agent.")
@click.option("--from", "from_agent", metavar="HANDLE", help="Only messages from this agent.")
@click.option("--to", "to_agent", metavar="HANDLE", help="Only messages to this agent.")
@click.option("--status", "statuses", multiple=True, type=click.Choice(STATUSES))
@click.option("--type", "type_", metavar="TYPE", help="Only messages of this type.")
@click.option("--priority", type=click.Choice([each.value for each in Priority]))
@click.option("--topic", help="Only messages published on this topic.")
@click.option("--conversation", "conversation_id", metavar="ID")
@SESSION
@BEFORE
@LIMIT
@AT
@JSON
def list_messages(*, type_: str | None, as_json: bool, **choices: Any) -> None:
    """List messages, newest first, as they stand now or stood at T; not what they say."""
    kept = {name: value for name, value in choices.items() if value is not None}
    if type_ is not None:
        kept["type"] = type_
    with hansard.open() as h:
        page = h.list_messages(**kept)
    _print_list(page, as_json=as_json)


@messages.command()
@BEFORE
@LIMIT
@AT
@JSON
def dead(*, as_json: bool, **choices: Any) -> None:
    """List the messages that expired or can never be delivered, newest first."""
    with hansard.open() as h:
        page = h.dead_letters(**choices)
    _print_list(page, as_json=as_json)


@messages.command()
@click.argument("message")
@AT
@JSON
def show(*, message: str, at: str | None, as_json: bool) -> None:
    """Show MESSAGE whole, with what became of it."""
    with hansard.open() as h:
        view = h.message(message, at)
    if as_json:
        print_json(view)
    else:
        _print_message(view)


@messages.command()
@click.argument("to_agent", metavar="AGENT")
@click.argument("text", required=False)
@click.option("--content", help="What it says as a JSON object, in place of TEXT.")
@click.option("--from", "from_agent", default=USER, show_default=True, metavar="HANDLE")
@click.option("--type", "type_", default="text", show_default=True)
@click.option(
    "--priority", default="normal", show_default=True, type=click.Choice([*map(str, Priority)])
)
@click.option("--ttl", "time_to_live_s", type=float, metavar="SECONDS", help="Time to live.")
@click.option("--id", "message_id", metavar="ID", help="Repeat it to send once, however often.")
@SESSION
@JSON
def send(
    *,
    to_agent: str,
    text: str | None,
    content: str | None,
    type_: str,
    as_json: bool,
    **choices: Any,
) -> int:
    """Send TEXT to AGENT; exit code 3 when nobody has this handle, 4 when nobody may get it."""
    said = _content(text, content)
    fields = {name: value for name, value in choices.items() if value is not None}
    with hansard.open() as h:
        sent = h.send_message(to_agent, said, type=type_, **fields)
    return _tell_sent(sent, as_json=as_json)


@messages.command()
@click.argument("message")
@JSON
def requeue(*, message: str, as_json: bool) -> int:
    """Send MESSAGE, which expired or is dead, once more as a new one; only the first time."""
    with hansard.open() as h:
        sent = h.requeue_message(message)
    return _tell_sent(sent, as_json=as_json)


@messages.command()
@click.argument("agent", metavar="AGENT")
@click.option("--timeout", "timeout_s", default=0.0, metavar="SECONDS", help="How long to wait.")
@JSON
def receive(*, agent: str, timeout_s: float, as_json: bool) -> int:
    """Take the most urgent message for AGENT, who has it then; exit code 3 when there is none."""
    with hansard.open() as h:
        message = h.receive_message(agent, timeout_s=timeout_s)
        if message is None:
            click.echo(f"Nothing waits for {clean(agent)}.", err=True)
            return NOT_FOUND
        view = h.message(message.message_id)
    if as_json:
        print_json(view)
    else:
        _print_message(view)
    return OK


@messages.command()
@AT
@JSON
def queues(*, at: str | None, as_json: bool) -> None:
    """Show what waits for each agent, and what became of the rest."""
    with hansard.open() as h:
        page = h.message_queues(at)
    if as_json:
        print_json(page)
        return
    table = table_of(
        *("Agent", "Waiting", "Urgent", "High", "Normal", "Low", "Oldest"),
        *("Delivered", "Expired", "Dead"),
    )
    for row in page.items:
        table.add_row(
            clean(row.agent),
            *map(count, (row.waiting, row.urgent, row.high, row.normal, row.low)),
            moment(row.oldest_sent_at),
            *map(count, (row.delivered, row.expired, row.dead)),
        )
    console().print(table)
    tell_computed(page.position, page.lag)


@messages.command()
@AT
@JSON
def topics(*, at: str | None, as_json: bool) -> None:
    """Show what was published on each topic, and who has subscribed to what."""
    with hansard.open() as h:
        page, subscriptions = h.message_topics(at), h.subscriptions(at)
    if as_json:
        print_json({**page.model_dump(mode="json"), "subscriptions": subscriptions})
        return
    table = table_of("Topic", "Messages", "Waiting", "Last published")
    for row in page.items:
        figures = count(row.messages), count(row.waiting), moment(row.last_published_at)
        table.add_row(clean(row.topic), *figures)
    wanted = table_of("Pattern", "Agent", "Since position")
    for each in subscriptions:
        wanted.add_row(clean(each.pattern), clean(each.agent), str(each.position))
    out = console()
    out.print(table)
    out.print(wanted)
    tell_computed(page.position, page.lag)


def _content(text: str | None, content: str | None) -> dict[str, Any] | str:
    if (text is None) == (content is None):
        raise click.UsageError("Say what to send: either TEXT or --content.")
    if text is not None:
        return text
    try:
        said = json.loads(content or "")
    except ValueError as error:
        raise click.BadParameter(f"This is no JSON ({error}).", param_hint="--content") from error
    if not isinstance(said, dict):
        raise click.BadParameter("Write a JSON object.", param_hint="--content")
    return said


def _tell_sent(sent: SentView, *, as_json: bool) -> int:
    if as_json:
        print_json(sent)
    else:
        click.echo(sent.message_id)
    if sent.duplicate:
        click.echo(f"It was sent before, at position {sent.position}.", err=True)
    if sent.dead is None:
        return OK
    click.echo(f"It can never be delivered: {sent.dead.value.replace('_', ' ')}.", err=True)
    return NOT_FOUND if sent.dead.value == "unknown_recipient" else CONFLICT


def _print_list(page: Page[MessageSummaryView], *, as_json: bool) -> None:
    if as_json:
        print_json(page)
        return
    table = table_of(
        *("Position", "Message", "Sent", "From", "To", "Type", "Priority", "Status", "Reason"),
        "Took",
    )
    for row in page.items:
        table.add_row(
            str(row.position),
            Text(str(row.message_id), no_wrap=True),
            moment(row.sent_at),
            clean(row.from_agent),
            clean(row.to_agent),
            row.type.value,
            row.priority.value,
            Text(row.status.value, style=STYLES.get(row.status.value, "")),
            row.reason.value.replace("_", " ") if row.reason else NOTHING,
            duration(row.latency_ms),
        )
    console().print(table)
    tell_next(page, "--before")


def _print_message(view: MessageView) -> None:
    message = view.message
    said = message.content.get("text")
    only_text = isinstance(said, str) and len(message.content) == 1
    given: dict[str, object] = {
        "message": message.message_id,
        "position": view.position,
        "conversation": message.conversation_id,
        "parent": message.parent_id,
        "session": message.session_id,
        "from": message.from_agent,
        "route": " > ".join(message.route),
        "to": message.to_agent,
        "type": message.type.value,
        "priority": message.priority.value,
        "sent at": message.sent_at.isoformat(),
        "time to live": None if message.time_to_live_s is None else f"{message.time_to_live_s:g} s",
        "topic": message.topic,
        "attempt": message.attempt,
        "tokens": f"{message.tokens_used} used, budget {message.token_budget or 'none'}",
        "status": view.status.value,
        "delivered by": view.delivered_by,
        "reason": None if view.dead_reason is None else view.dead_reason.value.replace("_", " "),
        "detail": view.dead_detail,
        "failed attempts": "; ".join(view.attempts),
        "shared context": _json(message.shared_context),
        "user context": _json(message.user_context),
        "content": said if only_text else _json(message.content),
    }
    rows = [(name, str(value)) for name, value in given.items() if value not in (None, "")]
    console().print(facts(*rows))


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False) if value else ""
