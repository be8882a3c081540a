"""What a finished run prints."""

import re
from typing import TYPE_CHECKING

from limbeck import installed
from limbeck.console import say, table
from limbeck.evaluation.records import ModelRecord
from limbeck.evaluation.schema import Evaluation, Findings
from limbeck.report import words
from limbeck.report.words import cost, prose, training
from limbeck.report.words.names import BASELINE, STUDENT
from limbeck.report.words.units import units

if TYPE_CHECKING:
    from limbeck.pipeline.order import Run


def print_summary(run: "Run") -> None:
    """Print the tables, the verdict and where things are."""
    result = run.evaluation
    say("")
    print_tables(result)
    _print_figures(result)
    say("")
    _print_verdict(result)
    say("")
    if run.bundle is not None:
        tried = words.typed if result.usage.in_shell else words.asked
        say(f"  bundle  {run.bundle}  (try: {_as_typed(tried(result, str(run.bundle)))})", whole=True)
    else:
        say(f"  no bundle: {result.bundle_error}; the weights are in {run.folder / 'student'}")
    say(f"  report  {run.report}", whole=True)
    say(f"  {cost.run_cost(result)}")


def print_tables(result: Findings) -> None:
    """Print what the models reach and what they cost, in tables of at most 80 columns."""
    seeds = f"mean of {len(result.seeds)} seeds" if len(result.seeds) > 1 else "one seed"
    solved = [name for name, one in result.models.items() if one.solved]
    made = "solved, not trained" if result.solved else f"{seeds}{f'; {prose.are_solved(solved)}' if solved else ''}"
    title = f"{result.name}: {words.count(result.test_examples)} test examples, {made}"
    scores = [
        [words.model(name, result), *(words.score(one.scores[metric.name], metric) for metric in result.metrics)]
        for name, one in result.models.items()
    ]
    table(["", *(metric.title for metric in result.metrics)], scores, title=title)
    if (said := units((metric.title, metric.unit) for metric in result.metrics)) is not None:
        say(f"  {said}")
    table(
        ["", *(name for name, _ in cost.SHORT_COSTS)],
        [_costs(words.model(name, result), one) for name, one in result.models.items()],
    )
    if said := cost.busy(result):
        say(f"  {said}: of processor times, little is due to that")


def _costs(name: str, model: ModelRecord) -> list[str]:
    return [name, *(form(model.cost) if model.cost else words.ABSENT for _, form in cost.SHORT_COSTS)]


def _print_figures(result: Evaluation) -> None:
    agreed = "" if result.agreement is None else f"; agreement with the teacher {words.percent(result.agreement)}"
    say(f"  {words.retention(result)}{agreed}")
    if (gain := result.gain) is not None:
        metric = words.metric_of(gain.metric, result.metrics)
        by_seed = ", ".join(words.difference(value, metric) for value in gain.per_seed)
        unit, more = words.unit_of(metric), "" if result.are_solved(STUDENT, BASELINE) else f"; by seed {by_seed}"
        say(f"  gain {words.difference(gain.mean, metric)} {unit}{more}")
    if (weak := words.weak_classes(result)) is not None:
        say(f"  weakest classes of the student: {weak}")
    if result.until is not None:
        say(f"  until {words.level(result.until, result.metrics)}:")
        for arm in training.steps_to_level(result):
            say(f"    {training.reached(arm, result.until)}")


def _print_verdict(result: Evaluation) -> None:
    say(result.sentence, style="bold")
    for text in words.said(result):
        say(text, style="yellow" if text.startswith(words.BEWARE) else None)
    if result.next_step:
        say(_as_typed(result.next_step), style="bold")


def _as_typed(text: str) -> str:
    """Return a text whose lines to type begin with the command that this shell finds."""
    return re.sub(r"\blimbeck (?=predict|evaluate)", f"{installed.command()} ", text)
