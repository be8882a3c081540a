"""The commands of `limbeck cache`. Nothing heavy is imported before one needs it."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from limbeck.cache.inspect import CacheInfo

app = typer.Typer(help="Look into a teacher's answers on disk, check them, move them.", no_args_is_help=True)

Folder = Annotated[Path, typer.Argument(help="a cache, a `cache.path` or a run's folder")]
One = Annotated[Path, typer.Argument(help="a cache; or a `cache.path` or a run's folder that has one only")]
AsJson = Annotated[bool, typer.Option("--json", help="print it as JSON")]


@app.command()
def info(folder: Folder, as_json: AsJson = False) -> None:
    """Say whose answers a folder holds, how they are stored, how many there are, and who is writing there now."""
    from limbeck.cache.inspect import caches_in, info as look
    from limbeck.console import say

    found = [look(each) for each in caches_in(folder)]
    if as_json:
        typer.echo(json.dumps([each.as_json() for each in found], indent=2))
        return
    for each in found:
        say(str(each.folder), style="bold", whole=True)
        for name, text in _lines(each):
            say(f"  {name:<9}{text}", whole=True)


@app.command()
def verify(folder: Folder, as_json: AsJson = False) -> None:
    """Read every byte: checksums, ids, counts and numbers. Exit code 2 where anything is wrong."""
    from limbeck.cache.inspect import caches_in, verify as look
    from limbeck.console import say

    found = {str(each): look(each) for each in caches_in(folder)}
    if as_json:
        report = [{"folder": name, "rows": rows, "faults": faults} for name, (rows, faults) in found.items()]
        typer.echo(json.dumps(report, indent=2))
    else:
        for name, (rows, faults) in found.items():
            say(f"{name}: {_faults(len(faults)) if faults else f'{rows:,} rows, as they were written'}", whole=True)
            for fault in faults:
                say(f"  {fault}", whole=True)
    if any(faults for _, faults in found.values()):
        raise SystemExit(2)


@app.command("export")
def export_command(folder: One, file: Annotated[Path, typer.Argument(help="the parquet file to write")]) -> None:
    """Write the answers to a parquet file: `id` (16 hex digits), `logits`, and activations where there are any."""
    from limbeck.cache.inspect import one_cache_in
    from limbeck.cache.parquet import export_parquet
    from limbeck.console import say

    cache = one_cache_in(folder)
    say(f"{file}: {export_parquet(cache, file):,} rows of {cache}", whole=True)


@app.command("import")
def import_command(
    file: Annotated[Path, typer.Argument(help="a file that `limbeck cache export` wrote")],
    folder: Annotated[Path, typer.Argument(help="a cache; or a `cache.path`, new or not")],
) -> None:
    """Add the answers of a file to a cache of the same teacher, in one step: all of them, or none.

    A folder that is no cache is taken for a `cache.path`, and the answers go to the folder in it that has the name of
    the one they come from, such as `teacher`.
    """
    from limbeck.cache.inspect import is_cache
    from limbeck.cache.parquet import head_of, import_parquet
    from limbeck.console import say
    from limbeck.pipeline.stages.claim import shared

    if is_cache(folder):
        cache = folder
        added, known = import_parquet(file, cache)
    else:
        cache = folder / head_of(file).name
        with shared(folder):
            added, known = import_parquet(file, cache)
    there = f", {known:,} were there" if known else ""
    say(f"{cache}: {added:,} rows added{there}", whole=True)


def _faults(count: int) -> str:
    return "1 fault" if count == 1 else f"{count:,} faults"


def _lines(found: "CacheInfo") -> list[tuple[str, str]]:
    """Return what a cache holds, line by line."""
    from limbeck.report.words import file_size, several

    own = found.identity
    version = [] if own.version is None else [("version", f"{own.version}, unverifiable")]
    error = f"; {own.codec.said(found.error)}" if found.error else ""
    each = f", {found.size / found.rows:,.1f} bytes a row" if found.rows else ""
    unsealed = f", {found.unsealed:,} of them unsealed" if found.unsealed else ""
    locks = [("lock", f"{who} labels {several(rows, 'row')}") for who, rows in found.locks]
    return [
        *version,
        ("teacher", own.teacher),
        ("view", own.view),
        ("codec", f"{own.codec.title}{error}"),
        ("outputs", f"{own.outputs:,}"),
        ("taps", ", ".join(tap.name for tap in own.taps) or "none"),
        ("rows", f"{found.rows:,}"),
        ("size", f"{file_size(found.size)}{each}"),
        ("shards", f"{found.shards:,}{unsealed}"),
        *(locks or [("lock", "nobody writes there")]),
    ]
