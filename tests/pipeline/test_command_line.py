import contextlib
import json
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from tiny import recipe, write_csv

import limbeck
from limbeck.console import meter
from limbeck.losses import CATALOG
from limbeck.losses.transforms import TRANSFORMS
from typed import call
from without import limbeck_alone


def test_version(monkeypatch, capsys) -> None:
    assert call(monkeypatch, capsys, "--version") == (0, f"limbeck {limbeck.__version__}\n", "")


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("--help", ("demo", "run", "label", "check", "recipes", "predict", "evaluate", "losses")),
        ("--version", (limbeck.__version__,)),
        ("predict --help", ("--column",)),
        ("recipes", ("sentiment", "imdb")),
        ("recipes show sentiment", ("sentiment-ratings",)),
        ("losses", ("cross_entropy",)),
        ("losses kd", ("Hinton",)),
    ],
)
def test_what_is_read_at_once_imports_nothing_heavy(line, shown) -> None:
    code = (
        f"import sys; sys.argv = {['limbeck', *line.split()]}\n"
        "from limbeck.cli import main; main()\n"
        "heavy = {'torch', 'numpy', 'transformers', 'yaml'} & set(sys.modules)\n"
        "print('heavy:', sorted(heavy))\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "heavy: []" in result.stdout
    for word in shown:
        assert word in result.stdout


def test_losses_and_recipes_are_listed_and_shown(monkeypatch, capsys) -> None:
    assert "cross_entropy" in call(monkeypatch, capsys, "losses")[1]
    assert "Hinton" in call(monkeypatch, capsys, "losses", "kd")[1]
    listed = call(monkeypatch, capsys, "losses")[1]
    assert listed.index("transforms") > listed.index("  kd: ")
    assert all(listed.index(f"  {name}: ") > listed.index("transforms") for name in TRANSFORMS)
    assert call(monkeypatch, capsys, "losses", "standardize")[1].startswith("standardize: ")
    for named in ("HardLabels", "hard-labels", "Hard_Distillation"):
        assert call(monkeypatch, capsys, "losses", named)[1].startswith("hard_labels: ")
    assert "equation: z -> (z - mean(z)) / std(z)" in call(monkeypatch, capsys, "losses", "standardize")[1]
    kinds = {card["name"]: card["kind"] for card in json.loads(call(monkeypatch, capsys, "losses", "--json")[1])}
    assert kinds == dict.fromkeys(CATALOG, "loss") | dict.fromkeys(TRANSFORMS, "transform")
    assert "sentiment" in call(monkeypatch, capsys, "recipes")[1]
    shown = yaml.safe_load(call(monkeypatch, capsys, "recipes", "show", "sentiment")[1])
    assert shown["data"]["source"] == "sentiment-ratings"
    assert json.loads(call(monkeypatch, capsys, "recipes", "schema")[1])["title"] == "Recipe"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "sentimental"), "did you mean `sentiment`?"),
        (("run", "sentiment", "data.labeled=3"), "did you mean `labelled`?"),
        (("run", "sentiment", "nonsense"), "`nonsense` is no key=value"),
        (("run", "sentiment", "data.source=nowhere.csv"), "no such file or folder"),
        (("losses", "kdd"), "did you mean `kd`?"),
        (("losses", "TAKD"), "write `teacher: {kind: run, path: runs/assistant}` in a recipe"),
        (("losses", "standardise"), "no loss or transform `standardise`; did you mean `standardize`?"),
        (("predict", "nowhere"), "no bundle here"),
        (("recipes", "show", "sentimnt"), "did you mean `sentiment`?"),
        (("runn",), "No such command"),
        (("report",), "No such command 'report'; see limbeck --help"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(monkeypatch, capsys, tmp_path, arguments, message) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = call(monkeypatch, capsys, *arguments)
    assert code == 2
    assert message in err
    assert err.startswith("error: ")
    assert "Traceback" not in err


def rows_of(file: Path, label: str) -> list[str]:
    """Return the rows of a file of which a class is the only one: its number stays the bundle's."""
    return [row for row in file.read_text().splitlines() if row.endswith(f",{label}")]


def test_run_predict_evaluate_check(monkeypatch, capsys, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    labelled = write_csv(tmp_path / "labelled.csv")
    labelled.write_text(labelled.read_text().replace("text,label", "review,kind", 1))
    (tmp_path / "rows.csv").write_text(labelled.read_text() + "one row more,nan\n")
    said = "1 of 171 training rows have no label"
    values = recipe(Path("rows.csv"), seeds=[0])
    values["data"] |= {"text": "review", "label": "kind"}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(values))
    code, out, _ = call(monkeypatch, capsys, "check", "mine.yaml", "until.accuracy=0.9")
    assert (code, "the recipe is fine" in out) == (0, True)
    assert "a training that reaches the level of `until` ends sooner" in out
    assert said in out

    code, out, err = call(monkeypatch, capsys, "run", "mine.yaml", "student.train.steps=12", "--out", "runs/x")
    assert code == 0, err
    assert "retention" in out
    assert said in out
    assert "runs/x/report.html" in out
    assert "runs/x/bundle" in out

    (tmp_path / "texts.txt").write_text("superb gem\ndull bore\n")
    code, out, _ = call(monkeypatch, capsys, "predict", "runs/x/bundle", "texts.txt")
    assert [line.split("\t")[2] for line in out.splitlines()] == ["superb gem", "dull bore"]

    code, out, _ = call(monkeypatch, capsys, "predict", "runs/x", "labelled.csv")
    assert (code, len(out.splitlines())) == (0, 260)
    code, out, _ = call(monkeypatch, capsys, "evaluate", "runs/x", "labelled.csv", "--json")
    assert code == 0, "the names of the training's columns are known"
    assert json.loads(out).keys() == {"accuracy", "f1_macro", "nll", "ece"}
    bare = limbeck_alone("evaluate", "runs/x", "labelled.csv", "--json", folder=tmp_path)
    assert (bare.stdout, bare.returncode) == (out, 0), bare.stderr
    bare = limbeck_alone("evaluate", "runs/x", "owner/name", folder=tmp_path)
    assert bare.returncode == 2
    assert bare.stderr.startswith("error: this command needs datasets, which the runtime install leaves out; pip ")
    whole = json.loads(out)["accuracy"]
    (tmp_path / "one.csv").write_text("text,label\n" + "\n".join(rows_of(labelled, "1")) + "\n")
    code, out, _ = call(monkeypatch, capsys, "evaluate", "runs/x", "one.csv", "--json")
    (tmp_path / "other.csv").write_text("text,label\n" + "\n".join(rows_of(labelled, "0")) + "\n")
    _, other, _ = call(monkeypatch, capsys, "evaluate", "runs/x", "other.csv", "--json")
    assert (json.loads(out)["accuracy"] + json.loads(other)["accuracy"]) / 2 == pytest.approx(whole), (
        "half the rows each"
    )


def _stopped(number: signal.Signals) -> None:
    signal.raise_signal(number)


def _replaced(number: signal.Signals) -> None:
    try:
        signal.raise_signal(number)
    except KeyboardInterrupt:
        raise ValueError("could not determine the shape of object type 'torch.storage.UntypedStorage'") from None


def _swallowed(number: signal.Signals) -> None:
    with contextlib.suppress(KeyboardInterrupt):
        signal.raise_signal(number)
    with meter("student", 2) as progress:
        progress.advance()
    raise AssertionError("the student trains on")


@pytest.mark.parametrize("work", [_stopped, _replaced, _swallowed])
@pytest.mark.parametrize(
    ("number", "code", "word"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
)
def test_a_signal_prints_the_line_that_resumes(
    monkeypatch, capsys, tmp_path: Path, work, number: signal.Signals, code: int, word: str
) -> None:
    """Also where an extension module swallows it, or raises another error: seen in pydantic and in torch."""
    usual = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}[number]
    signal.signal(number, usual)  # a process that a shell started in the background ignores Ctrl-C
    monkeypatch.setattr("limbeck.pipeline.run", lambda *_, **__: work(number))
    found, _, err = call(monkeypatch, capsys, "run", "sentiment", "data.labelled=50", "--out", str(tmp_path))
    assert found == code
    assert err.startswith(f"{word}; ")
    assert f"limbeck run sentiment data.labelled=50 --out {tmp_path}" in err
    assert signal.getsignal(number) is usual
    assert call(monkeypatch, capsys, "losses", "kd")[0] == 0


def test_a_signal_that_somebody_ignores_is_ignored(monkeypatch, capsys, tmp_path: Path) -> None:
    monkeypatch.setattr("limbeck.pipeline.run", lambda *_, **__: signal.raise_signal(signal.SIGTERM))
    monkeypatch.setattr("limbeck.pipeline.summary.print_summary", lambda _: None)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        assert call(monkeypatch, capsys, "run", "sentiment", "--out", str(tmp_path))[0] == 0
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def test_streams_that_a_shell_has_closed_are_empty(tmp_path: Path) -> None:
    """`<&-` gave a traceback, and a file that was opened took the place of the stream."""
    code = (
        "import os, sys\n"
        "from limbeck import cli\n"
        "def app(**_):\n"
        "    with open(sys.argv[1], 'w') as file:\n"
        "        print(file.fileno() > 2, repr(sys.stdin.read()), file=file)\n"
        "    print('said'); print('said', file=sys.stderr); sys.stdout.flush()\n"
        "cli.app = app\n"
        "cli.main()\n"
    )
    line = f"exec {shlex.quote(sys.executable)} -c {shlex.quote(code)} {tmp_path / 'found'} <&- >&- 2>&-"
    assert subprocess.run(["sh", "-c", line], check=False).returncode == 0
    assert (tmp_path / "found").read_text() == "True ''\n"
