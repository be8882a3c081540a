"""A run's result as one self-contained page."""

from functools import cache
from pathlib import Path

import jinja2
from markupsafe import Markup

from limbeck.evaluation.schema import Evaluation
from limbeck.files import write_text
from limbeck.report import format
from limbeck.report.sentence import parts_sentence, transfer_sentence

_HERE = Path(__file__).parent
_SNIPPET_CHARACTERS = 420


def write_report(
    evaluation: Evaluation, *, recipe_yaml: str, environment: dict[str, str], command: str, path: Path
) -> None:
    """Write `report.html`: no network, no JavaScript, the same bytes for the same input.

    Args:
        evaluation: the run's result.
        recipe_yaml: the complete recipe.
        environment: name and version of what the run depended on.
        command: the line that reproduces the run.
        path: the file to write, in one step.
    """
    from limbeck.report import figures  # matplotlib: slow to import, and needed when a run is over

    gain, parts = evaluation.gain, evaluation.decomposition
    page = _template().render(
        evaluation=evaluation,
        recipe_yaml=recipe_yaml.strip("\n"),
        environment=environment,
        command=command,
        style=Markup((_HERE / "style.css").read_text(encoding="utf-8")),  # noqa: S704  our own file
        models=evaluation.models,
        transfer=transfer_sentence(evaluation),
        parts=gain and parts and parts_sentence(gain, parts),
        learning=[figures.curve(evaluation, "nll"), figures.curve(evaluation, evaluation.metric)],
        confusion=[figures.confusion(evaluation, "teacher"), figures.confusion(evaluation, "student")],
        snippet_characters=_SNIPPET_CHARACTERS,
    )
    write_text(path, page)


@cache
def _template() -> jinja2.Template:
    from limbeck.report import curves, figures, reading, tables, until

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        name: getattr(format, name)
        for name in (
            "percent",
            "points",
            "capital",
            "p_value",
            "bytes",
            "milliseconds",
            "count",
            "nats",
            "seconds",
            "shorten",
            "words",
        )
    }
    modules = {"curves": curves, "figures": figures, "reading": reading, "tables": tables, "until": until}
    return environment.get_template("template.html.j2", globals=modules)
