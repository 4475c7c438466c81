"""The command `workflow`: list, check and draw workflows, and show what a file may hold."""

from __future__ import annotations

import sys
from pathlib import Path

import click

import hansard
from application.errors import BadRequestError
from hansard.cli.terminal import clean, console, print_json

JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
FILE = click.argument("file", type=click.Path(path_type=Path, dir_okay=False))


@click.group()
def workflow() -> None:
    """List, check and draw workflows: who does what, in which order, put down in a YAML file.

    FILE is a file, or the name of a workflow that comes along. `hansard run --workflow FILE` runs
    it; docs/workflows.md describes the patterns.
    """


@workflow.command("list")
@JSON
def list_workflows(*, as_json: bool) -> None:
    """List the workflows that come along, one for each pattern."""
    from rich.table import Table  # noqa: PLC0415 - heavy

    from hansard import bootstrap  # noqa: PLC0415

    found = [
        (name, bootstrap.load_workflow(file), file)
        for name, file in bootstrap.packaged_workflows().items()
    ]
    if as_json:
        print_json(
            [
                {
                    "name": name,
                    "pattern": each.procedure.pattern,
                    "description": each.description,
                    "inputs": each.inputs,
                    "file": str(file),
                }
                for name, each, file in found
            ]
        )
        return
    table = Table("name", "pattern", "what it does", box=None)
    for name, each, _ in found:
        table.add_row(clean(name), clean(each.procedure.pattern), clean(each.description))
    console().print(table)
    click.echo("Run one with `hansard run --workflow NAME`.", err=True)


@workflow.command()
@FILE
@JSON
def check(*, file: Path, as_json: bool) -> None:
    """Hold FILE against the format and the organisation; every problem is told with its place."""
    with hansard.open() as h:
        found = h.check_workflow(file)
    if as_json:
        print_json(found)
        return
    count = len(found.procedure.tasks)
    tasks = f"{count} {'task' if count == 1 else 'tasks'}" if count else "tasks follow as it runs"
    click.echo(
        f"{clean(found.name)} {clean(found.version)} is a valid workflow:"
        f" {clean(found.procedure.pattern)}, {tasks}."
    )


@workflow.command()
@FILE
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The SVG file to write; standard output by default.",
)
def graph(*, file: Path, output: Path | None) -> None:
    """Draw FILE as an SVG image: tasks, what they need, who does them, how results become one."""
    from hansard import bootstrap  # noqa: PLC0415 - heavy

    drawing = bootstrap.draw_workflow(file)
    if output is None:
        sys.stdout.write(drawing)
        return
    try:
        output.write_text(drawing, encoding="utf-8")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise BadRequestError(f"{str(output)!r} cannot be written ({reason}).") from error
    click.echo(f"Drawn: {output}", err=True)


@workflow.command()
def schema() -> None:
    """Print the JSON Schema of workflow files, for editors that check while one types."""
    from hansard import bootstrap  # noqa: PLC0415 - heavy

    print_json(bootstrap.workflow_schema())
