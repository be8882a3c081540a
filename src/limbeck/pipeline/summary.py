"""What a finished run prints."""

from limbeck.console import say, table
from limbeck.evaluation import parts_sentence, transfer_sentence
from limbeck.evaluation.schema import Block, Evaluation
from limbeck.pipeline.order import Run
from limbeck.report import curves, reading, target
from limbeck.report import format as text
from limbeck.report.tables import busy


def print_summary(run: Run) -> None:
    """Print the table, the verdict and where things are."""
    result = run.evaluation
    columns = ["", "accuracy", "macro F1", "ECE", "weights", "size", "cpu time", "latency", "texts/s"]
    names = {"floor": "TF-IDF + LR"}
    rows = [_row(names.get(name, text.words(name)), block) for name, block in result.models.items()]
    say("")
    table(columns, rows, title=f"{result.name}: {result.test_examples:,} test examples, {_seeds(result)}")
    if said := busy(result):
        say(f"  {said}: latencies are too high, cpu times change little")
    kept = "-" if result.retention is None else text.percent(result.retention)
    say(f"  retention {kept}, agreement with the teacher {text.percent(result.agreement)}")
    if result.gain is not None:
        low, high = result.gain.ci95
        per_seed = ", ".join(text.points(value) for value in result.gain.per_seed)
        p_seeds = "" if result.gain.p_seeds is None else f", over seeds {text.p_value(result.gain.p_seeds)}"
        say(
            f"  gain {text.points(result.gain.mean)} points (95 % interval {text.points(low)} to {text.points(high)}, "
            f"p {text.p_value(result.gain.p_value)}{p_seeds}); by seed {per_seed}"
        )
    if result.target is not None:
        say(f"  target {target.level(result.target)}:")
        for arm in target.arms(result):
            say(f"    {target.sentence(arm, result.target)}")
    say("")
    say(result.sentence, style="bold")
    if (moved := transfer_sentence(result)) is not None:
        say(moved)
    if result.gain is not None and result.decomposition is not None:
        say(parts_sentence(result.gain, result.decomposition))
    for sentence in [*reading.sentences(result), *curves.sentences(result)]:
        say(sentence)
    say("")
    if run.bundle is not None:
        say(f"  bundle  {run.bundle}  (try: echo 'a gem' | limbeck predict {run.bundle})")
    else:
        say(f"  no bundle: {result.bundle_error}; the weights are in {run.folder / 'student'}")
    say(f"  report  {run.report}")


def _row(name: str, block: Block) -> list[str]:
    quality = [text.percent(block.accuracy), text.percent(block.f1_macro), f"{block.ece:.3f}"]
    if block.cost is None:
        return [name, *quality, "-", "-", "-", "-", "-"]
    cost = block.cost
    return [
        name,
        *quality,
        text.magnitude(cost.parameters),
        text.bytes(cost.size_bytes),
        "-" if cost.cpu_ms is None else text.milliseconds(cost.cpu_ms),
        text.milliseconds(cost.latency_ms),
        text.count(round(cost.throughput_per_s)),
    ]


def _seeds(result: Evaluation) -> str:
    return f"mean of {len(result.seeds)} seeds" if len(result.seeds) > 1 else "one seed"
