"""A run's result as one self-contained page."""

import re
from functools import cache
from pathlib import Path

import jinja2
from markupsafe import Markup, escape

from limbeck.evaluation.schema import Evaluation
from limbeck.files import write_text

_HERE = Path(__file__).parent
_CODE = re.compile("`([^`]+)`")


def write_report(
    evaluation: Evaluation, *, recipe_yaml: str, environment: dict[str, str], command: str, path: Path
) -> None:
    """Write `report.html`: no network, no JavaScript, the same bytes for the same input.

    Args:
        evaluation: the run's result.
        recipe_yaml: the complete recipe.
        environment: name and version of what the run depended on.
        command: the line that reproduces the run.
        path: the file to write, in one step; the lines to type reach the run's folder as this does.
    """
    # matplotlib is slow to import, and needed when a run is over.
    from limbeck.report.page import sections
    from limbeck.report.style import TONES

    lead, colon, rest = evaluation.sentence.partition(": ")
    page = _template().render(
        evaluation=evaluation,
        style=Markup((_HERE / "style.css").read_text(encoding="utf-8")),  # noqa: S704  our own file
        lead=f"{lead}:" if colon else "",
        rest=rest if colon else lead,
        tone=TONES.get(evaluation.verdict, "--muted"),
        sections=sections(
            evaluation, recipe_yaml=recipe_yaml, environment=environment, command=command, folder=path.parent
        ),
    )
    write_text(path, page)


@cache
def _template() -> jinja2.Template:
    from limbeck.report import words
    from limbeck.report.words import cost, prose

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["marked"] = _marked
    return environment.get_template("template.html.j2", globals={"words": words, "prose": prose, "cost": cost})


def _marked(text: str) -> Markup:
    """Return a text as markup, with `code` between backticks."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704  escaped
