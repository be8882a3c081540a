"""The tables of runs on pictures, sounds and columns: a row a run, whichever of them are on record."""

from typing import Any

NAMES = {
    "digits": "pictures: `digits`, 100 labels",
    "cifar10": "pictures: `cifar10`, a given ResNet-56, 500 labels",
    "pngs": "pictures: a folder of MNIST's digits, 200 labels",
    "new-digits": "pictures of another kind: MNIST's labels, scikit-learn's digits",
    "diabetes": "a table, values: diabetes, 100 labels (RMSE, lower is better)",
    "ratings": "text, values: ratings of snippets, 500 labels (RMSE, lower is better)",
    "speech-columns": "sound, two decisions: digit and speaker, 500 labels",
    "speech-tags": "sound, label sets: digit and speaker, 500 labels (micro F1)",
    "made": "a table: made, 20,000 rows, 500 labels",
    "breast_cancer": "a table: breast cancer, 60 labels",
    "wine": "a table: wine, 30 labels",
}
MODELS = ("teacher", "student", "baseline", "floor", "distilled_floor")


def as_table(tenants: dict[str, Any], columns: dict[str, Any] | None, pictures: dict[str, Any] | None) -> str:
    """Return the scores of every model in the run's metric, and the gain over the baseline.

    Args:
        tenants: of `tenants.py`.
        columns: of `columns.py`.
        pictures: of `cifar10.py`.
    """
    lines = [
        "| run | teacher | **student** | baseline | floor | distilled floor | gain (95 % interval) |",
        "|---|---|---|---|---|---|---|",
    ]
    runs = {**tenants, **(columns or {}), "cifar10": (pictures or {}).get("recipe")}
    for key, title in NAMES.items():
        if (run := runs.get(key)) is None:
            continue
        metric = run.get("metric", {"name": "accuracy", "quantity": "share"})
        share = metric["quantity"] == "share"
        scores = [_score(run["models"].get(model), metric["name"], share=share) for model in MODELS]
        lines.append(f"| {title} | {' | '.join(scores)} | {_gain(run['gain'], share=share)} |")
    note = "Three seeds each; `python benchmarks/tenants.py`, `benchmarks/columns.py` and `benchmarks/cifar10.py`."
    return "\n".join([*lines, "", note])


def speakers(result: dict[str, Any]) -> str:
    """Return the scores of the recipe `spoken-digits` for each speaker whom nobody had heard, and their means."""
    runs = {name: run for name, run in result.items() if name != "environment"}
    lines = [
        "| unheard speaker | teacher | **student** | baseline | floor | distilled floor | gain (95 % interval) |",
        "|---|---|---|---|---|---|---|",
    ]
    values = {name: [run["models"][key]["scores"]["accuracy"] for key in MODELS] for name, run in runs.items()}
    for name, run in runs.items():
        scores = " | ".join(f"{100 * value:.1f} %" for value in values[name])
        lines.append(f"| {name} | {scores} | {_gain(run['gain'], share=True)} |")
    means = [sum(column) / len(column) for column in zip(*values.values(), strict=True)]
    gain = sum(run["gain"]["mean"] for run in runs.values()) / len(runs)
    lines.append(f"| mean | {' | '.join(f'{100 * value:.1f} %' for value in means)} | {100 * gain:+.1f} |")
    rows = "All 500 recordings of the speaker are the test; of the others 50 have a label, and 200 are for validation."
    return "\n".join([*lines, "", f"{rows} Three seeds each (`python benchmarks/speakers.py`)."])


def uses(
    pictures: dict[str, Any] | None,
    heard: dict[str, Any] | None,
    sounds: dict[str, Any] | None,
    tenants: dict[str, Any] | None,
) -> list[str]:
    """Return the rows of pictures and sounds in the table of uses.

    Args:
        pictures: of `cifar10.py`.
        heard: of `speakers.py`.
        sounds: of `speech.py`.
        tenants: of `tenants.py`.
    """
    rows: list[str] = []
    if pictures and (run := pictures.get("recipe")):
        teacher, student = run["models"]["teacher"], run["models"]["student"]
        smaller, faster = (teacher[key] / student[key] for key in ("size_bytes", "latency_ms"))
        found = f"{_scores(run)}; {_gain(run['gain'], share=True)} points over the baseline"
        rows.append(
            f"| compression | `cifar10`, 500 labels | a given ResNet-56 in a small network of convolutions: {found}; "
            f"{smaller:.0f} times smaller, {faster:.0f} times faster |"
        )
    if heard:
        runs = [run for name, run in heard.items() if name != "environment"]
        gains = [run["gain"]["mean"] for run in runs]
        student, mean = (sum(each) / len(runs) for each in ([_student(run) for run in runs], gains))
        rows.append(
            f"| another domain | `spoken-digits`, 50 labels | {len(runs)} speakers whom nobody has heard: "
            f"{100 * student:.1f} %, {100 * mean:+.1f} points on average, {100 * min(gains):+.1f} at least |"
        )
    if tenants and (run := tenants.get("new-digits")):
        rows.append(
            f"| another domain | `new-digits` | MNIST's labels for scikit-learn's digits: {_scores(run)}; "
            f"{_gain(run['gain'], share=True)} points over the baseline |"
        )
    for name, result in {"`cifar10`, 5,000 labels": pictures, "`spoken-digits`, 1,000 labels": sounds}.items():
        if curves := (result or {}).get("curves", {}).get("curves"):
            rows.append(f"| faster training | {name} | {_budgets(curves)} |")
    return rows


def _student(run: dict[str, Any]) -> float:
    return run["models"]["student"]["scores"]["accuracy"]


def _scores(run: dict[str, Any]) -> str:
    names = {
        "student": "",
        "teacher": "teacher ",
        "baseline": "baseline ",
        "floor": f"{run['models']['floor']['name']} ",
    }
    return ", ".join(f"{text}{100 * run['models'][key]['scores']['accuracy']:.1f} %" for key, text in names.items())


def _budgets(curves: dict[str, Any]) -> str:
    """Return with how much of each budget the student is as good as the baseline is with all of it."""
    found = [
        f"{'at most ' if curve['at_most'] else ''}{curve['ratio']:.2g} of the {kind}"
        for kind, curve in curves.items()
        if curve["ratio"] is not None
    ]
    return f"with {', or with '.join(found)}, as good as the baseline is with all"


def _score(model: dict[str, Any] | None, metric: str, *, share: bool) -> str:
    if model is None:
        return "–"
    value = model["scores"][metric]
    return f"{100 * value:.1f} %" if share else f"{value:.4g}"


def _gain(gain: dict[str, Any] | None, *, share: bool) -> str:
    if gain is None:
        return "–"
    low, high = gain["ci95"]
    values = [100 * value for value in (gain["mean"], low, high)] if share else [gain["mean"], low, high]
    texts = [f"{value:+.1f}" if share else f"{value:+.3g}" for value in values]
    return f"{texts[0]} ({texts[1]} to {texts[2]})"
