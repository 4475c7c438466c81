"""The commands of the audit: `audit` lists and exports decisions, `why` explains one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

import hansard
from hansard.cli.figures import count, money
from hansard.cli.looking import AT, JSON, STATUS_STYLES, WIDE, table_of, tell_next
from hansard.cli.main import INTEGRITY, OK
from hansard.cli.terminal import clean, console, print_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from application.auditing.accesses import AccessView
    from application.auditing.views import AuditExportView
    from domain.spending import Spent
    from projections.delegation_audit import DelegationView

FILTERS = (
    *("agent", "department", "task_id", "strategy", "policy_version", "confidence_under"),
    *("outcome", "rewound", "what_ifs"),
)
"""Options that choose decisions; `--accesses` has no use for them."""


@click.command()
@click.argument("session", required=False)
@click.option("--agent", metavar="HANDLE", help="Decisions by or for this agent.")
@click.option("--department", help="Decisions on tasks planned for this department.")
@click.option("--task", "task_id", metavar="ID", help="Decisions on this task.")
@click.option("--strategy", help="Decisions by this routing strategy.")
@click.option("--policy", "policy_version", help="Decisions under this version of the policy.")
@click.option(
    "--confidence-under",
    metavar="X",
    type=click.FloatRange(0, 1),
    help="Decisions that were less sure than X, from 0 to 1.",
)
@click.option("--outcome", help="Decisions on tasks that ended so: completed, failed, ...")
@click.option("--rewound", is_flag=True, help="With SESSION: also decisions that were taken back.")
@click.option("--what-if", "what_ifs", is_flag=True, help="Also decisions of what-ifs.")
@click.option("--since", metavar="TIME", help="Recorded at or after, ISO 8601 with zone.")
@click.option("--until", metavar="TIME", help="Recorded before, ISO 8601 with zone.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000))
@click.option("--after", default=0, help="Continue a list: the `next` of the page before.")
@AT
@click.option(
    "--export",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write all decisions that fit to a file: .csv, .jsonl, or .json for a signed bundle.",
)
@click.option(
    "--format",
    type=click.Choice(["csv", "jsonl", "bundle"]),
    help="Format of the export, where the suffix does not tell it.",
)
@click.option("--force", is_flag=True, help="Replace the export's file if it exists.")
@click.option("--accesses", is_flag=True, help="List who looked at the audit instead.")
@click.option("--actor", help="With --accesses: only looks of this one.")
@JSON
@click.pass_context
def audit(ctx: click.Context, /, *, as_json: bool, **choices: Any) -> None:
    """List decisions: who passed which task to whom, out of whom, and why.

    SESSION limits the list to one session; `last` names the newest. Tokens and cost are those of
    the task, followed by what it and all tasks below it took, where that is more. Every look is
    recorded before anything is shown, with who looked: the user of the operating system, or
    HANSARD_ACTOR.
    """
    _check(ctx, choices)
    span = {name: choices[name] for name in ("since", "until", "at")}
    part = {name: choices[name] for name in ("after", "limit")}
    wanted = {name: choices[name] for name in FILTERS}
    if choices["accesses"]:
        _list_accesses(as_json=as_json, actor=choices["actor"], **span, **part)
    elif choices["export"] is not None:
        file, how = choices["export"], {name: choices[name] for name in ("format", "force")}
        with hansard.open() as h:
            written = h.export_audit(file, choices["session"], **how, **span, **wanted)
        _tell_export(written, as_json=as_json)
    else:
        _list_decisions(choices["session"], as_json=as_json, **span, **part, **wanted)


@click.command()
@click.argument("asked", metavar="TASK|DECISION")
@click.option("--session", metavar="SESSION", help="In the history of this session, as of a fork.")
@AT
@JSON
def why(*, asked: str, session: str | None, at: str | None, as_json: bool) -> int:
    """Explain a task or a decision: who decided, out of whom, on what grounds, and what followed.

    TASK|DECISION is the id of a task, a decision, a delegation or an event of a task, or the
    position of a decision, as `hansard show` and `hansard audit` list them. Every link of the chain
    of authority comes with the proof that it stands in the log; exit code 7 when one does not hold.
    Every look is recorded before anything is shown.
    """
    from hansard.cli.authority import print_why  # noqa: PLC0415 - only here

    with hansard.open() as h:
        view = h.why(asked, session=session, at=at)
    if as_json:
        print_json(view)
    else:
        print_why(console(), view)
    proofs = [each.inclusion for each in view.decisions] + [each.inclusion for each in view.chain]
    holds = all(proof is None or proof.verified or not proof.covered for proof in proofs)
    return OK if holds else INTEGRITY


def _check(ctx: click.Context, choices: dict[str, Any]) -> None:
    """Refuse options that have no meaning together."""
    if choices["accesses"]:
        useless = [*FILTERS, "session", "export"]
    elif choices["export"] is not None:
        useless = ["limit", "after", "actor"]
    else:
        useless = ["format", "force", "actor"]
    given = [
        name
        for name in useless
        if ctx.get_parameter_source(name) not in {None, ParameterSource.DEFAULT}
    ]
    if given:
        names = {each.name: each.opts[0] for each in ctx.command.params}
        what = ("an export", "a list of accesses")[choices["accesses"]]
        where = what if choices["accesses"] or choices["export"] is not None else "a list"
        raise click.UsageError(f"{names[given[0]]} has no meaning for {where}.")


def _list_decisions(session: str | None, *, as_json: bool, **choices: Any) -> None:
    with hansard.open() as h:
        page = h.audit(session, **choices)
    if as_json:
        print_json(page)
        return
    out = console()
    wide = out.width >= WIDE
    out.print(_wide_decisions(page.items) if wide else _narrow_decisions(page.items))
    tell_next(page, "--after")


def _list_accesses(*, as_json: bool, **choices: Any) -> None:
    with hansard.open() as h:
        page = h.accesses(**choices)
    if as_json:
        print_json(page)
        return
    table = table_of("Position", "Recorded", "Who", "Looked at", "Decisions", "As of")
    for view in page.items:
        table.add_row(
            str(view.position),
            view.recorded_at.isoformat(timespec="seconds"),
            _who(view),
            clean(_looked_at(view)),
            count(view.access.decisions),
            str(view.access.as_of),
        )
    console().print(table)
    tell_next(page, "--after")


def _who(view: AccessView) -> str:
    user = view.access.system_user
    return clean(view.actor if view.actor == user else f"{view.actor} (run by {user})")


def _looked_at(view: AccessView) -> str:
    access = view.access
    where = {
        "decision": access.decision_id,
        "task": access.task_id,
        "session": access.session_id,
    } | access.filters
    parts = [access.look.value]
    parts += [f"{name} {value}" for name, value in where.items() if value is not None]
    if access.export is not None:
        parts.append(f"{access.export.format} {access.export.sha256}")
    return ", ".join(parts)


def _tell_export(written: AuditExportView, *, as_json: bool) -> None:
    if as_json:
        print_json(written)
        return
    click.echo(clean(written.file))
    click.echo(
        f"{written.decisions} decisions as of position {written.as_of};"
        f" SHA-256 {written.sha256}, recorded at position {written.access_position}.",
        err=True,
    )
    if written.lag:
        click.echo(f"That is {written.lag} positions behind.", err=True)
    if written.program is not None:
        click.echo(
            f"Check with:\npython {clean(written.program)} {clean(written.file)}"
            f" --key {written.key}",
            err=True,
        )


def _wide_decisions(rows: Iterable[DelegationView]) -> Table:
    table = table_of(
        *("Position", "Task", "From", "To", "Confidence", "Policy", "Tokens", "USD"),
        *("Outcome", "Session", "Reason"),
    )
    for row in rows:
        tokens, cost = _taken(row)
        table.add_row(
            str(row.position),
            clean(row.task_key),
            row.from_agent,
            row.to_agent or "nobody",
            f"{row.confidence:.2f}",
            clean(row.policy_version),
            tokens,
            cost,
            _outcome(row),
            Text(str(row.session_id), no_wrap=True),
            clean(row.reason),
        )
    return table


def _narrow_decisions(rows: Iterable[DelegationView]) -> Group:
    lines: list[RenderableType] = []
    for row in rows:
        tokens, cost = _taken(row)
        text = Text(f"{row.position}  ", style="dim")
        text.append(clean(row.task_key), style="bold")
        text.append(f"  {row.from_agent} > {row.to_agent or 'nobody'}", style="cyan")
        text.append(f"  {row.confidence:.2f}  ")
        text.append(_outcome(row))
        text.append(f"  {tokens} tokens, {cost} USD", style="dim")
        lines += [text, Padding(Text(clean(row.reason), style="dim"), (0, 0, 0, 2))]
    return Group(*lines)


def _outcome(row: DelegationView) -> Text:
    text = Text(row.outcome, style=STATUS_STYLES.get(row.outcome, ""))
    marks = [mark for mark, holds in (("rewound", row.rewound), ("what-if", row.what_if)) if holds]
    return text.append(f" ({', '.join(marks)})", style="dim") if marks else text


def _taken(row: DelegationView) -> tuple[str, str]:
    """Say tokens and cost of a task, and with those below it where that is more."""
    own, inclusive = row.own, row.inclusive
    tokens, cost = count(_tokens(own)), money(own.cost_usd)
    if _tokens(inclusive) != _tokens(own):
        tokens += f" / {count(_tokens(inclusive))}"
    if inclusive.cost_usd != own.cost_usd:
        cost += f" / {money(inclusive.cost_usd)}"
    return tokens, cost


def _tokens(spent: Spent) -> int:
    return spent.input_tokens + spent.output_tokens
