"""The commands. Nothing heavy is imported before a command needs it, so that --help is instant."""

import io
import json
import os
import re
import shlex
import sys
import traceback
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from limbeck import cli_cache, installed, interrupt
from limbeck.errors import LimbeckError, of_the_machine
from limbeck.files import FORMS
from limbeck.processes import end_with_launcher
from limbeck.version import __version__

app = typer.Typer(
    name="limbeck",
    help="Distil a big teacher into a small student, and prove what was kept.\n\n"
    "Start with `limbeck demo`; then `limbeck recipes`, `limbeck check` and `limbeck run` on your own data.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)

RecipeName = Annotated[str, typer.Argument(help="a packaged name (see `limbeck recipes`) or the path of a YAML file")]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(metavar="[KEY=VALUE]...", help="e.g. data.labelled=200 'seeds=[0]' 'grid=[{model: linear}, {}]'"),
]
Out = Annotated[Path | None, typer.Option("--out", help="the run's folder; a second run continues there")]
Trackers = Annotated[
    list[str] | None,
    typer.Option("--track", help="also send figures to tensorboard, mlflow, wandb or trackio; may be repeated"),
]
Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        min=1,
        help="networks of the arms trained at a time, each in a process of its own; 2 where a run of small students is "
        "planned (budget.minutes) and there are two cores, else 1",
        show_default=False,
    ),
]
Ray = Annotated[
    str | None,
    typer.Option(
        "--ray",
        metavar="[ADDRESS]",
        help="ask the teacher on a Ray cluster: at an address (ray://HOST:10001), else the one that Ray finds, else a "
        "local one",
    ),
]
BundleFolder = Annotated[Path, typer.Argument(help="the `bundle` folder of a run, or the run's folder")]
INTERRUPTED = 130
_ADDRESS = re.compile(r"ray://.+|auto|local|[\w.-]+:[0-9]+")
"""What `--ray` may be followed by."""
_GO_ON = ("demo", "run", "label")
"""Commands that keep what they have done."""


@app.callback(invoke_without_command=True)
def _options(
    version: Annotated[bool, typer.Option("--version", help="print the version and stop")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="show the traceback of an error; goes anywhere")] = False,
) -> None:
    if version:
        typer.echo(f"limbeck {__version__}")
        raise typer.Exit


@app.command()
def demo(overrides: Overrides = None, out: Out = None, jobs: Jobs = None) -> None:
    """Run the recipe `sentiment`: a MiniLM teaches a bag of n-grams, in a few minutes on two cores.

    The first time it downloads 87 MB. The report is `runs/demo/report.html`.
    """
    _run("sentiment", overrides, out, jobs=jobs, default="demo")


@app.command("run")
def run_command(
    recipe: RecipeName, overrides: Overrides = None, out: Out = None, track: Trackers = None, jobs: Jobs = None
) -> None:
    """Carry out a recipe: teacher, cache, student and the arms beside it, evaluation, bundle, report.

    Try it on your own texts, in about ten minutes:
    limbeck run text data.source=mine.csv data.text=body data.label=kind

    Of a small file, `limbeck check` with the same keys says which data.split would do.
    """
    _run(recipe, overrides, out, track, jobs=jobs)


@app.command()
def label(recipe: RecipeName, overrides: Overrides = None, out: Out = None, ray: Ray = None) -> None:
    """Make the teacher of a recipe and write all its answers, in advance of a run.

    `limbeck run` with the same words trains the student from them, and asks nothing again. A labelling that was stopped
    goes on where it was.
    """
    _needs_distill()
    from limbeck.pipeline.label import label_rows, print_labelled
    from limbeck.pipeline.order import invocation
    from limbeck.recipe import load_recipe

    loaded = load_recipe(recipe, overrides or [])
    folder = out or Path("runs") / loaded.name
    result = label_rows(loaded, folder, command=invocation(), given_as=None if out else "--out {}", ray=ray)
    given = [] if out is None else ["--out", str(out)]
    print_labelled(result, f"{installed.command()} {shlex.join(['run', recipe, *(overrides or []), *given])}")


@app.command()
def check(recipe: RecipeName, overrides: Overrides = None) -> None:
    """Check a recipe against its data and models before anything long starts; says how long it would take."""
    _needs_distill()
    from limbeck.pipeline.check import check as check_recipe
    from limbeck.recipe import load_recipe

    check_recipe(load_recipe(recipe, overrides or []))


@app.command()
def recipes(
    action: Annotated[str | None, typer.Argument(help="`show`, or `schema` for the JSON Schema")] = None,
    name: Annotated[str | None, typer.Argument(help="which recipe to show")] = None,
) -> None:
    """List the ready recipes; `recipes show NAME` prints one to copy, `recipes schema` the form of all."""
    from limbeck.recipes import describe_recipes, packaged_recipe

    if action is None:
        from limbeck.console import table

        table(["recipe", "what it does"], describe_recipes(), text_columns=2)
    elif action == "show" and name is not None:
        typer.echo(packaged_recipe(name), nl=False)
    elif action == "schema":
        _needs_distill()
        from limbeck.recipe import Recipe

        typer.echo(json.dumps(Recipe.model_json_schema(), indent=2))
    else:
        raise LimbeckError("recipes takes `show NAME`, `schema`, or nothing", fix="limbeck recipes show sentiment")


Hop = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS",
        help="of long sounds: an answer each so many seconds, to a piece as long as the student hears",
    ),
]


Columns = Annotated[
    list[str] | None,
    typer.Option(
        "--column",
        "--text",
        metavar="COLUMN",
        help="of files with columns: the one with the text, again for each of several; else as in the training, or "
        "`text`",
    ),
]
OutFile = Annotated[
    Path | None, typer.Option("--out", metavar="FILE", help="write the answers to a csv, tsv, jsonl or parquet file")
]
Top = Annotated[int | None, typer.Option("--top", min=1, metavar="K", help="say the K most probable classes")]
Threshold = Annotated[
    str | None,
    typer.Option(
        "--threshold",
        metavar="P",
        help="abstain where the probability is below P: the answer is `-`. A share in percent, such as 95%: below the "
        "probability from which so many answers were right on validation (80, 90, 95, 99). Of several labels: give "
        "those that reach P",
    ),
]


@app.command()
def predict(
    bundle: BundleFolder,
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FILE]...",
            help=f"of texts: files with a text a line, {FORMS} files with a column of texts, and folders of .txt "
            "files. Of table rows: such files with the columns of the training. Of images and sounds: "
            "files, and folders of them. `-` or nothing: standard input, one text or table row (a JSON object) a line",
        ),
    ] = None,
    column: Columns = None,
    out: OutFile = None,
    top: Top = None,
    threshold: Threshold = None,
    hop: Hop = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object a line, with every probability")] = False,
) -> None:
    """Ask a bundle for texts, rows of tables, images or sounds; works without PyTorch.

    A file that cannot be read, or not to its end, gets a line on standard error; the others are answered, and the exit
    code is 2. Empty lines of text, and what else lies in a folder, are left out, and counted on standard error. JSON
    and files of answers say the `row` (from 1) and the `file` that each answers.
    """
    from limbeck.runtime.predict import Wish, predict_files

    wish = Wish(tuple(column or ()), out, as_json, top, threshold, hop)
    if not predict_files(bundle, files or [], wish):
        raise SystemExit(2)


@app.command()
def evaluate(
    bundle: BundleFolder,
    data: Annotated[
        str,
        typer.Argument(
            help=f"a file ({FORMS}; npz of arrays), a folder with a test split, one with a subfolder a class or of "
            "`save_to_disk`, a packaged source, or a hub id"
        ),
    ],
    column: Annotated[
        str | None,
        typer.Option(
            "--column",
            "--text",
            help="the column with the example; else it is called as in the training, or as the modality (text, image, "
            "audio). Of a table the columns are those of the training",
        ),
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(help="the column with the label, again for each of several; else as in the training, or `label`"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the scores as JSON")] = False,
) -> None:
    """Score a bundle on labelled examples, in the metrics of its task.

    Of a source with splits it is the test split that is scored, else every row. Rows without a label are left out.
    """
    from limbeck.score import score_bundle

    score_bundle(bundle, data, column=column, label=label or (), as_json=as_json)


@app.command()
def losses(
    name: Annotated[str | None, typer.Argument(help="show the card of a loss or transform")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print every fact of the cards as JSON")] = False,
) -> None:
    """List the losses and transforms, or show one: equation, paper, settings, when to use it."""
    from dataclasses import asdict

    from limbeck.cards import card_text, cards_named, cards_text, every_card
    from limbeck.console import say

    if as_json:
        cards = every_card() if name is None else cards_named(name)
        say(json.dumps([asdict(card) for card in cards], indent=2, ensure_ascii=False), whole=True)
        return
    for line in (cards_text() if name is None else card_text(name)).splitlines():  # a terminal breaks each for itself
        say(line)


def main() -> None:
    """Run the command line: bad input gives one line and exit code 2, a signal that ends it the line that resumes.

    Ctrl-C gives exit code 130, SIGTERM 143.
    """
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    if os.environ.get("WORLD_SIZE", "1") != "1":
        # Of a process that ended torch prints its own stack; of a search for unused parameters that found none, advice.
        os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    end_with_launcher()  # before torch is imported, which takes seconds
    _open_streams()
    arguments = sys.argv[1:]
    given = _with_address(arguments)
    debug = "--debug" in arguments
    code: object = 0
    with interrupt.noted():
        try:
            code = app(args=[argument for argument in given if argument != "--debug"], standalone_mode=False)
        except KeyboardInterrupt:
            code = INTERRUPTED
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        except Exception as error:
            message = _in_words(error)
            if interrupt.seen():
                code = INTERRUPTED
            elif message is None:
                raise
            else:
                if debug:
                    traceback.print_exc()
                _fail(f"error: {message}", 2)
    if code == INTERRUPTED:  # typer turns a KeyboardInterrupt into this code
        _stop(arguments)


def _with_address(arguments: list[str]) -> list[str]:
    """Return the arguments with an empty address after a `--ray` that has none: typer has no options of that kind."""
    followed = zip(arguments, [*arguments[1:], ""], strict=True)
    return [f"{one}=" if one == "--ray" and not _ADDRESS.fullmatch(after) else one for one, after in followed]


def _open_streams() -> None:
    """Give the program streams that it can use: what a shell has closed is empty, and takes all that is written."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            # In this order, so that no other file takes the number, which processes started later would write to.
            descriptor = os.open(os.devnull, os.O_RDONLY if name == "stdin" else os.O_WRONLY)
            if descriptor != number:
                os.dup2(descriptor, number)
                os.close(descriptor)
            setattr(sys, name, open(number, "r" if name == "stdin" else "w", encoding="utf-8", closefd=False))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        # A file's name may be no text of any encoding.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _stop(arguments: list[str]) -> None:
    """End after a signal with the line that resumes; of several processes that train together the first one says it."""
    if os.environ.get("RANK", "0") != "0":
        raise SystemExit(interrupt.code())
    launched = ", with its launcher," if os.environ.get("WORLD_SIZE", "1") != "1" else ""
    line = f"{installed.command()} {shlex.join(arguments)}"
    goes_on = f"; the same line{launched} continues where it stopped: {line}" if arguments[0] in _GO_ON else ""
    _fail(f"{interrupt.word()}{goes_on}", interrupt.code())


def _run(
    recipe: str,
    overrides: list[str] | None,
    out: Path | None,
    track: list[str] | None = None,
    *,
    jobs: int | None,
    default: str | None = None,
) -> None:
    _needs_distill()
    from limbeck.pipeline import run
    from limbeck.pipeline.order import invocation
    from limbeck.pipeline.summary import print_summary
    from limbeck.recipe import load_recipe

    loaded = load_recipe(recipe, overrides or [])
    folder = out or Path("runs") / (default or loaded.name)
    given_as = None if out else "--out {}"
    print_summary(run(loaded, folder, command=invocation(), track=track or (), jobs=jobs, given_as=given_as))


def _needs_distill() -> None:
    """Say which install brings what is missing, or that no library would fit into memory, instead of a traceback."""
    from limbeck.processes import require_addresses

    require_addresses()
    if missing := [name for name in ("torch", "yaml", "transformers") if not find_spec(name)]:
        raise _left_out(", ".join(missing))


def _left_out(packages: str) -> LimbeckError:
    return LimbeckError(
        f"this command needs {packages}, which the runtime install leaves out", fix=installed.line("distill")
    )


def _in_words(error: Exception) -> str | None:
    """Return the one line for an error of the user's or of the machine's; None for one of ours."""
    if isinstance(error, ModuleNotFoundError) and error.name and not find_spec("torch"):
        error = _left_out(error.name.partition(".")[0])
    known = error if isinstance(error, LimbeckError) else of_the_machine(error)
    if known is not None:
        return str(known)
    # What typer raises for a line that it cannot read.
    words = getattr(error, "format_message", None)
    return f"{words().removesuffix('.')}; see limbeck --help" if words else None


def _fail(message: str, code: int) -> None:
    typer.echo(message, err=True)
    raise SystemExit(code)


app.add_typer(cli_cache.app, name="cache", callback=_needs_distill)
