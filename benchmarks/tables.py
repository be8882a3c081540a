"""Write the tables in README.md and docs/ from benchmarks/results/*.json; with --check, fail when one is out of date.

    python benchmarks/tables.py [--check]

A table stands between `<!-- table:NAME -->` and `<!-- /table -->`. Figures of another version of Limbeck say so.
"""

import json
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import any_text
import chunked
import cifar10
import endpoint
import input_path
import labelling
import large_files
import mnist
import rivals
import scale
import speech
import table_words as words
import teacher_examples
import tenants_table
import verdict_errors

import cache
from limbeck import __version__
from limbeck.evaluation.records import BudgetCurve
from limbeck.report.words import peak

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"
DOCS = (
    "imdb",
    "any_text",
    "transfer",
    "acceleration",
    "shipping",
    "verdict",
    "recipes",
    "finished_teachers",
    "scale",
    "labelling",
    "other_loops",
)
PAGES = [ROOT / "README.md", *(ROOT / "docs" / f"{name}.md" for name in DOCS)]


def sentiment(result: dict[str, Any]) -> str:
    """The demo's models, and what they say together."""
    evaluation = result["evaluation"]
    timed = words.timed(evaluation["models"]["student"]["cost"])
    lines = [f"| | accuracy | macro F1 | parameters | size | {timed} | texts/s |", "|---|---|---|---|---|---|---|"]
    names = {"teacher": "MiniLM (teacher)", "student": "**student**", "baseline": "baseline", "floor": "TF-IDF + LR"}
    names["distilled_floor"] = "TF-IDF + LR on the teacher's answers"
    for key, name in names.items():
        scores, cost = (evaluation["models"][key][part] for part in ("scores", "cost"))
        lines.append(
            f"| {name} | {100 * scores['accuracy']:.1f} % | {100 * scores['f1_macro']:.1f} % | {cost['parameters']:,} "
            f"| {cost['size_bytes'] / 1e6:.1f} MB | {words.milliseconds(cost):.2f} ms "
            f"| {cost['throughput_per_s']:,.0f} |"
        )
    seeds = "solved, not trained" if evaluation["solved"] else f"{len(evaluation['seeds'])} seeds"
    over = evaluation["over_distilled_floor"]
    low, high = (100 * end for end in over["ci95"])
    said = (
        f"Gain {words.gain(evaluation)}, {words.retention(evaluation)}, {100 * over['mean']:+.1f} points over the "
        f"linear model on the same answers ({low:+.1f} to {high:+.1f}), {evaluation['test_examples']:,} test snippets, "
        f"{seeds}; "
        f"{result['wall_seconds']:.0f} s of wall time, "
        f"{result['cpu_seconds']:.0f} s of processor time on {result['environment']['threads']} cores "
        f"(`{words.command(result)}`)."
    )
    return "\n".join([*lines, "", said])


def training(result: dict[str, Any]) -> str:
    """A step with each kind of teacher, against the one that this library takes."""
    bigru, ngrams, setting = result["bigru"], result["ngrams"], result["setting"]
    rows = {
        "cached teacher, by labels alone": bigru["cached_by_supervised"],
        "the same for the student `ngrams`": ngrams["cached_by_supervised"],
        "live BiLSTM teacher, by cached": bigru["live_by_cached"],
        "random batches, by bucketed, both live": bigru["random_by_bucketed"],
        "random batches and live BiLSTM teacher, by ours": bigru["textbook_by_cached"],
        "live MiniLM teacher, by cached": bigru["minilm_by_cached"],
    }
    lines = ["| a step of training | processor time, ratio | 95 % interval |", "|---|---|---|"]
    shape = "| {} | {:.2f} | {:.2f} to {:.2f} |".format
    lines += [shape(name, one["median"], *one["ci95"]) for name, one in rows.items()]
    padding, start = bigru["padding"], result["startup"]
    outside = [100 * figures["phases"]["cpu"]["outside"] for figures in (bigru, ngrams)]
    return "\n".join(
        [
            *lines,
            "",
            f"Student {setting['student']}, teacher {setting['live']}; {result['rows']}, at most "
            f"{setting['max_length']} tokens, {setting['batch_size']} a batch, one thread. Padding "
            f"{100 * padding['bucketed']:.1f} % (random batches: {100 * padding['random']:.1f} %), "
            f"{bigru['tokens_per_cpu_second']:,.0f} tokens a second, {outside[0]:.1f} % of a step outside forward, "
            f"loss, backward and update (`ngrams`: {outside[1]:.0f} %). First step of the recipe `sentiment` after "
            f"{start['ngrams']:.1f} s, of `bigru` on IMDB's 25,000 reviews after {start['bigru_imdb_25000']:.1f} s, of "
            f"which importing torch {start['import_torch']:.1f} s (`{words.command(result)}`).",
        ]
    )


def transfer(result: dict[str, Any]) -> str:
    """Every pair of domains: four accuracies on the target, and what the teacher brought."""
    lines = [
        "| labels of → measured on | teacher | baseline | **student** | ceiling | gain (95 % interval) | recovered |",
        "|---|---|---|---|---|---|---|",
    ]
    verdicts = {"helps": "", "no_difference": ", no difference shown", "hurts": ", hurts", "one_seed": ", one seed"}
    for pair in result["pairs"]:
        shown = [100 * sum(seeds) / len(seeds) for seeds in pair["accuracy"].values()]
        low, high = pair["gain"]["ci95"]
        gap = "–" if pair["gap_recovered"] is None else f"{100 * pair['gap_recovered']:.0f} %"
        lines.append(
            f"| {pair['source']} → {pair['target']} | {' | '.join(f'{value:.1f} %' for value in shown)} "
            f"| {100 * pair['gain']['mean']:+.1f} ({100 * low:.1f} to {100 * high:.1f}){verdicts[pair['verdict']]} "
            f"| {gap} |"
        )
    seeds = len(result["pairs"][0]["seeds"])
    return "\n".join(
        [
            *lines,
            "",
            f"Means of {seeds} seeds, gains in points. Over the {result['pairs_of_snippets']} pairs of snippets the "
            f"student gains {100 * result['mean_gain']:.1f} on average, {100 * result['smallest_gain']:.1f} at least "
            f"(`{words.command(result)}`).",
        ]
    )


def acceleration(result: dict[str, Any]) -> str:
    """Quality against steps and against labels."""

    def cell(values: list[float]) -> str:
        return f"{100 * sum(values) / len(values):.1f} ({100 * min(values):.1f}–{100 * max(values):.1f})"

    lines = []
    for kind, curve in result["curves"].items():
        arms = list(curve["points"][0]["accuracy"])
        taught = curve["points"][0]["teacher"] is not None
        titles = [kind, *arms, *(["teacher, on validation"] if taught else [])]
        lines += ["", f"| {' | '.join(titles)} |", "|" + "---|" * len(titles)]
        for point in curve["points"]:
            cells = [f"{point['amount']:,}", *(cell(point["accuracy"][arm]) for arm in arms)]
            cells += [f"{100 * point['teacher']:.1f}"] if taught else []
            lines.append(f"| {' | '.join(cells)} |")
    sentences = " ".join(text.replace("\u00a0", " ") for text in result["sentences"])
    said = (
        f"Accuracy in percent on IMDB's {result['test_examples']:,} test reviews, mean of {result['seeds']} seeds "
        f"(worst to best). {sentences} {result['cpu_seconds'] / 60:.0f} minutes of processor time "
        f"(`{words.command(result)}`)."
    )
    return "\n".join([*lines[1:], "", said])


def imdb(result: dict[str, Any]) -> str:
    """The textbook set-up, with all labels and with few."""
    timed = words.timed(next(iter(result["runs"].values()))["evaluation"]["models"]["student"]["cost"])
    lines = [
        f"| | accuracy | worst to best seed | weights outside the embeddings | size | {timed} | texts/s |",
        "|---|---|---|---|---|---|---|",
    ]
    said = []
    names = {"teacher": "BiLSTM (teacher)", "student": "**BiGRU, taught**", "baseline": "BiGRU, baseline"}
    for title, run in result["runs"].items():
        evaluation = run["evaluation"]
        for key, name in [*names.items(), ("floor", "TF-IDF + LR")]:
            block, weights = evaluation["models"][key], run["weights_outside_embeddings"].get(key)
            cost = block["cost"]
            lines.append(
                f"| {name}, {title} | {100 * block['scores']['accuracy']:.1f} % | {words.spread(block)} "
                f"| {f'{weights:,}' if weights else ''} | {cost['size_bytes'] / 1e6:.1f} MB "
                f"| {words.milliseconds(cost):.2f} ms | {cost['throughput_per_s']:,.0f} |"
            )
        shared = " without the pretraining, which is the first run's" if said else ""
        said.append(
            f"With {title} the student gains {words.gain(evaluation)} over the baseline; "
            f"{words.retention(evaluation)}; {run['wall_seconds'] / 60:.0f} minutes of wall time{shared}."
        )
        if run["overrides"]:
            settings = ", ".join(f"`{override}`" for override in run["overrides"])
            said.append(f"These are its settings beside the recipe's: {settings}. {words.chosen(evaluation)}")
    return "\n".join(
        [
            *lines,
            "",
            f"{evaluation['test_examples']:,} test reviews, {len(evaluation['seeds'])} seeds. {' '.join(said)} "
            f"{max(int(one['environment']['threads']) for one in result['runs'].values())} cores "
            f"(`{words.command(result)}`; how it was run: benchmarks/LOG.md).",
        ]
    )


def imdb_best(result: dict[str, Any]) -> str:
    """The small and fast student against n-grams of people who have no teacher."""
    evaluation, timed = result["evaluation"], result["threads_1"]
    lines = [
        "| | accuracy | worst to best seed | size | a review | reviews/s, 64 at a time |",
        "|---|---|---|---|---|---|",
    ]
    names = {"teacher": "teacher", "student": "**student**", "baseline": "baseline", "floor": "TF-IDF + LR"}
    for key, name in names.items():
        block = evaluation["models"][key]
        speed = timed.get(key)
        times = f"{words.milliseconds(speed):.2f} ms | {speed['throughput_per_s']:,.0f}" if speed else " | "
        size = f"{block['cost']['size_bytes'] / 1e6:.1f} MB" if block["cost"] else ""
        lines.append(
            f"| {name} | {100 * block['scores']['accuracy']:.1f} % | {words.spread(block)} | {size} | {times} |"
        )
    return "\n".join(
        [
            *lines,
            "",
            f"{evaluation['test_examples']:,} test reviews, {len(evaluation['seeds'])} seeds; "
            f"gain {words.gain(evaluation)}. Bundle {result['bundle_bytes'] / 1e6:.1f} MB. "
            f"Text in, label out, one thread each, in alternating rounds "
            f"(`{words.command(result)}`).",
        ]
    )


def int8(result: dict[str, Any]) -> str:
    """For which networks int8 is taken, and what it brings."""
    lines = [
        "| student | size, fp32 | int8 | processor time of one text, int8 over fp32 | in batches of 64 "
        "| same decision (lower bound) | ships |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, found in result["students"].items():
        sizes = [f"{found['size_bytes'][precision] / 1e6:.1f} MB" for precision in ("fp32", "int8")]
        alike = f"{100 * found['agreement']:.2f} % ({100 * found['agreement_low']:.2f} %)"
        lines.append(
            f"| `{name}` | {' | '.join(sizes)} | {found['share_of_processor_time']:.2f} "
            f"| {found['share_in_batches']:.2f} | {alike} | {'int8' if found['taken'] else 'fp32'} |"
        )
    apart = max(found["apart"] for found in result["students"].values())
    rows = max(found["agreement_rows"] for found in result["students"].values())
    said = (
        f"Trained on {result['training_rows']:,} rows, compared on {rows:,} others, each alone, in batches and in "
        f"batches of another order: logits differ by {apart:.0e} at most. One thread on {result['instructions']} "
        f"(`{words.command(result)}`)."
    )
    return "\n".join([*lines, "", said])


def uses(
    demo: dict[str, Any],
    film: dict[str, Any] | None,
    best: dict[str, Any] | None,
    domains: dict[str, Any],
    curves: dict[str, Any],
    texts: dict[str, Any] | None,
    tried: dict[str, Any] | None,
    *others: dict[str, Any] | None,
) -> str:
    """What a teacher was good for: compression, transfer to another domain, faster training."""
    what = "a MiniLM in a bag of n-grams"
    lines = [words.compression("sentiment", f"500 labels{words.older(demo)}", what, demo["evaluation"])]
    for labels, run in (film["runs"] if film else {}).items():
        named = f"{labels}, settings in docs/imdb.md" if run["overrides"] else labels
        lines.append(words.compression("imdb", f"{named}{words.older(run)}", "a BiLSTM in a BiGRU", run["evaluation"]))
    if best:
        what = "n-grams, a BiLSTM and a MiniLM in n-grams and convolutions"
        timed = best["threads_1"]
        student, floor = (words.milliseconds(timed[model]) for model in ("student", "floor"))
        cost = f"{best['bundle_bytes'] / 1e6:.0f} MB, {student:.2f} ms a review on one thread (TF-IDF + LR {floor:.2f})"
        lines.append(words.compression("imdb-best", f"all labels{words.older(best)}", what, best["evaluation"], cost))
    if texts and tried and (row := any_text.as_use(texts, tried)):
        lines.append(row)
    lines.append(
        f"| another domain | `transfer`{words.older(domains)} | {domains['pairs_of_snippets']} pairs of domains: "
        f"{100 * domains['mean_gain']:+.1f} points on average, {100 * domains['smallest_gain']:+.1f} at least |"
    )
    ratios = {kind: curve["ratio"] for kind, curve in curves["curves"].items()}
    lines.append(
        f"| faster training | `acceleration`{words.older(curves)} | IMDB: with {ratios['steps']:.2f} of the steps, or "
        f"with {ratios['labels']:.2f} of the labels, as good as the baseline is with all{_falls(curves['curves'])} |"
    )
    order = ["| compression", "| another domain", "| faster training"]
    found = sorted([*lines, *tenants_table.uses(*others)], key=lambda row: order.index(row.split(" | ")[0]))
    return "\n".join(["| use | recipe | measured |", "|---|---|---|", *found])


def _falls(curves: dict[str, Any]) -> str:
    """Name the curves along which the baseline is not best with all of its budget: there the share is too kind."""
    falling = [kind for kind, curve in curves.items() if peak(BudgetCurve.model_validate(curve))]
    return f" (with fewer {' or '.join(falling)} it is better: docs/acceleration.md)" if falling else ""


def _marked(name: str, text: str, results: Sequence[dict[str, Any] | None]) -> str:
    """Return a table with the mark of its version, if that is another one.

    Raises:
        SystemExit: it mixes versions, and its rows do not say which.
    """
    known = [result for result in results if result is not None]
    if len(results) == 1 and {*words.versions(known[0])} - {__version__}:
        text += f" Measured with{words.older(known[0]).translate({ord(mark): None for mark in '()'})}."
    mixed = [result for result in known if len({*words.versions(result)}) > 1]
    marks = [words.older(result) for result in known if words.older(result)]
    if mixed or any(text.count(mark.strip(" ()")) < marks.count(mark) for mark in marks):
        raise SystemExit(f"table `{name}` mixes versions without a mark: measure anew, or let its rows say which")
    return text


TEXT_USES = ("sentiment", "imdb", "imdb-best", "transfer", "acceleration", "any_text", "rivals")
TABLES: dict[str, tuple[Callable[..., str | None], tuple[str, ...]]] = {
    "sentiment": (sentiment, ("sentiment",)),
    "training": (training, ("training",)),
    "imdb": (imdb, ("imdb",)),
    "imdb-best": (imdb_best, ("imdb-best",)),
    "transfer": (transfer, ("transfer",)),
    "acceleration": (acceleration, ("acceleration",)),
    "int8": (int8, ("int8",)),
    "input-path": (input_path.as_table, ("input_path",)),
    "cache": (cache.as_table, ("cache",)),
    "chunked": (chunked.as_table, ("chunked",)),
    "tenants": (tenants_table.as_table, ("tenants", "columns", "cifar10")),
    "speakers": (tenants_table.speakers, ("speakers",)),
    "mnist": (mnist.as_table, ("mnist",)),
    "cifar10": (cifar10.as_table, ("cifar10",)),
    "speech": (speech.as_table, ("speech",)),
    "any-text": (any_text.as_table, ("any_text", "rivals")),
    "rivals": (rivals.as_table, ("rivals", "any_text")),
    "verdict-errors": (verdict_errors.as_table, ("verdict_errors",)),
    **teacher_examples.TABLES,
    "scale-hours": (scale.hours_table, ("scale", "training", "cifar10", "gpu")),
    "scale-bytes": (scale.bytes_table, ("scale",)),
    "scale-steps": (scale.steps_table, ("scale", "training")),
    "large-files": (large_files.table, ("large_files",)),
    "labelling": (labelling.as_table, ("labelling",)),
    "endpoint": (endpoint.as_table, ("endpoint",)),
    "uses": (uses, (*TEXT_USES, "cifar10", "speakers", "speech", "tenants")),
}
"""By name: what makes a table, and of which results; without the first of them it is left as it stands."""
TOGETHER = {"any_text", "rivals"}
"""Results that are compared with each other: where one is missing, neither is read."""


def render(page: str) -> str:
    """Return the page with every table made anew for which there is something to show."""
    for name, (table, sources) in TABLES.items():
        results = _read(sources)
        if results[0] is None or (made := table(*results)) is None:
            continue
        text = _marked(name, made, results)
        pattern = rf"(<!-- table:{name} -->\n).*?(<!-- /table -->)"
        page = re.sub(pattern, lambda match, text=text: f"{match[1]}{text}\n{match[2]}", page, flags=re.DOTALL)
    return page


def _read(sources: Sequence[str]) -> list[Any]:
    """Return the results of these names, None for each that is not there."""
    files = {source: RESULTS / f"{source}.json" for source in sources}
    there = {source for source, file in files.items() if file.is_file()}
    if not there >= TOGETHER:
        there -= TOGETHER
    return [json.loads(file.read_text("utf-8")) if source in there else None for source, file in files.items()]


def main() -> int:
    """Write or check every page."""
    stale = [page for page in PAGES if render(page.read_text("utf-8")) != page.read_text("utf-8")]
    if "--check" in sys.argv:
        print(*(f"{page.name} is out of date: python benchmarks/tables.py" for page in stale), sep="\n")
        return len(stale)
    for page in stale:
        page.write_text(render(page.read_text("utf-8")), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
