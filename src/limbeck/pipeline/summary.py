"""What a finished run prints."""

from limbeck.console import say, table
from limbeck.evaluation.metric import METRICS
from limbeck.evaluation.schema import Block, Evaluation
from limbeck.pipeline.order import Run
from limbeck.report import curves, reading, until
from limbeck.report import format as text
from limbeck.report.sentence import parts_sentence, retention, transfer_sentence, weak_classes
from limbeck.report.tables import busy


def print_summary(run: Run) -> None:
    """Print the table, the verdict and where things are."""
    result = run.evaluation
    columns = ["", "accuracy", "macro F1", "ECE", "weights", "size", "cpu time", "texts/s"]
    names = {"floor": "TF-IDF + LR"}
    rows = [_row(names.get(name, text.words(name)), block) for name, block in result.models.items()]
    say("")
    table(columns, rows, title=f"{result.name}: {result.test_examples:,} test examples, {_seeds(result)}")
    if said := busy(result):
        say(f"  {said}: of cpu times, little is due to that")
    _print_figures(result)
    say("")
    _print_verdict(result)
    say("")
    if run.bundle is not None:
        say(f"  bundle  {run.bundle}  (try: echo 'a gem' | limbeck predict {run.bundle})")
    else:
        say(f"  no bundle: {result.bundle_error}; the weights are in {run.folder / 'student'}")
    say(f"  report  {run.report}")


def _print_figures(result: Evaluation) -> None:
    say(f"  {retention(result)}; agreement with the teacher {text.percent(result.agreement)}")
    if result.gain is not None:
        per_seed = ", ".join(text.points(value) for value in result.gain.per_seed)
        unit = f"points of {METRICS[result.metric].title}"
        say(f"  gain {text.points(result.gain.mean)} {unit}; by seed {per_seed}")
    if (weak := weak_classes(result)) is not None:
        say(f"  weakest classes of the student: {weak}")
    if result.until is not None:
        say(f"  until {until.level(result.until)}:")
        for arm in until.arms(result):
            say(f"    {until.sentence(arm, result.until)}")


def _print_verdict(result: Evaluation) -> None:
    say(result.sentence, style="bold")
    if result.statistics:
        say(result.statistics)
    for warning in result.warnings:
        say(f"Beware: {warning}", style="yellow")
    if (moved := transfer_sentence(result)) is not None:
        say(moved)
    if result.gain is not None and result.decomposition is not None:
        say(parts_sentence(result.gain, result.decomposition))
    for sentence in [*reading.sentences(result), *curves.sentences(result)]:
        say(sentence)


def _row(name: str, block: Block) -> list[str]:
    quality = [text.percent(block.accuracy), text.percent(block.f1_macro), f"{block.ece:.3f}"]
    if block.cost is None:
        return [name, *quality, "-", "-", "-", "-"]
    cost = block.cost
    return [
        name,
        *quality,
        text.magnitude(cost.parameters),
        text.bytes(cost.size_bytes),
        "-" if cost.cpu_ms is None else text.milliseconds(cost.cpu_ms),
        text.count(round(cost.throughput_per_s)),
    ]


def _seeds(result: Evaluation) -> str:
    return f"mean of {len(result.seeds)} seeds" if len(result.seeds) > 1 else "one seed"
