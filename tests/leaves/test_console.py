"""What is printed fits the terminal, and nothing of it is lost."""

import io

import pytest
from rich.console import Console

from limbeck import console

NBSP = "\u00a0"
SHARES = (
    ["", "accuracy", "macro F1", "NLL", "calibration error (ECE)"],
    [
        ["teacher", f">{NBSP}99.9{NBSP}%", f"99.0{NBSP}%", "0.021", f"<{NBSP}0.1{NBSP}%"],
        ["distilled TF-IDF + LR", f"88.0{NBSP}%", f"8.1{NBSP}%", "1.021", f"12.1{NBSP}%"],
        ["logistic regression on columns", f"87.0{NBSP}%", f"8.2{NBSP}%", "1.022", f"12.2{NBSP}%"],
    ],
)
UNITS = (
    ["", *(f"{metric} ({column})" for column in ("price", "area") for metric in ("RMSE", "MAE", "R²", "Spearman"))],
    [["teacher", "1,234,000", "−101.5", "0.9", "0.81", "77,001", "52.4", "0.7", "0.61"]],
)
COLUMNS = (
    ["", *(f"accuracy of column_{number}" for number in range(9))],
    [["student", *(f"9{number}.{number}{NBSP}%" for number in range(9))]],
)


@pytest.fixture
def printed(monkeypatch):
    def show(width, *arguments, **options) -> list[str]:
        target = io.StringIO()
        monkeypatch.setattr(console, "console", Console(file=target, width=width, soft_wrap=True, highlight=False))
        console.table(*arguments, **options)
        return target.getvalue().splitlines()

    return show


@pytest.mark.parametrize("width", [48, 60, 72, 80, 120])
@pytest.mark.parametrize("made", [SHARES, UNITS, COLUMNS], ids=["shares", "units", "columns"])
def test_a_table_fits_and_no_figure_is_cut_or_broken(printed, made, width) -> None:
    columns, rows = made
    lines = printed(width, *made, title="t")
    assert max(map(len, lines)) <= width
    for name, *figures in rows:
        # One after the other, in the parts of the table that begin with the name.
        said = [line for line in lines if line.strip().startswith(f"{name} ")]
        rest = [line.strip().removeprefix(name) for line in said]
        assert [part.strip() for line in rest for part in line.split("  ") if part] == figures
    words = " ".join(lines).split()
    assert all(word in words for column in columns for word in column.split())


def test_headers_break_before_a_table_does(printed) -> None:
    lines = [line for line in printed(74, *SHARES) if "regression" in line or "calibration" in line]
    assert len(lines) == 2
    assert "calibration error (ECE)" not in lines[0]


def test_where_there_is_room_a_table_is_one_and_its_headers_are_whole(printed) -> None:
    lines = printed(120, *SHARES)
    assert sum(line.strip().startswith("teacher") for line in lines) == 1
    assert any("calibration error (ECE)" in line for line in lines)


def test_what_cannot_fit_breaks_and_is_not_lost(printed) -> None:
    lines = printed(24, ["name", "what"], [["logistic-regression-on-columns", "123,456,789,012,345"]])
    assert max(map(len, lines)) <= 24
    text = "".join("".join(lines).split())
    assert sum(map(text.count, "0123456789")) == 15


def test_texts_are_broken_at_blanks(printed) -> None:
    lines = printed(60, ["loss", "what it is"], [["kd", "the divergence of " * 6]], text_columns=2)
    assert max(map(len, lines)) <= 60
    assert " ".join(lines).split().count("divergence") == 6


@pytest.mark.parametrize("terminal", [True, False])
def test_a_long_line_breaks_at_blanks_on_a_terminal_and_nowhere_else(monkeypatch, tmp_path, terminal) -> None:
    target = io.StringIO()
    shown = Console(file=target, width=40, soft_wrap=True, highlight=False, force_terminal=terminal, color_system=None)
    monkeypatch.setattr(console, "console", shown)
    line = f"  the student is 3.1{NBSP}points above the same network trained without a teacher"
    command = "  report  a/folder/of/some/length/that/holds/the/report.html  and more"
    with console.logged() as keep:
        keep(tmp_path / "log")
        console.say(line)
        console.say(command, whole=True)
        console.say("")
    assert (tmp_path / "log").read_text(encoding="utf-8").splitlines() == [line, command, ""]
    *lines, last, empty = target.getvalue().split("\n")[:-1]
    assert (last, empty) == (command, "")
    assert len(lines) == (2 if terminal else 1)
    assert all(len(each) <= 40 for each in lines) == terminal
    assert all(each.startswith("  ") and not each.startswith("   ") for each in lines)
    assert " ".join(each.strip() for each in lines) == line.strip()


def test_what_is_to_be_typed_stays_on_one_line(monkeypatch) -> None:
    target = io.StringIO()
    shown = Console(file=target, width=40, soft_wrap=True, highlight=False, force_terminal=True, color_system=None)
    monkeypatch.setattr(console, "console", shown)
    console.say("measure it on rows of your own (`limbeck evaluate BUNDLE DATA`), then ship it")
    assert [line.strip() for line in target.getvalue().splitlines()] == [
        "measure it on rows of your own",
        "(`limbeck evaluate BUNDLE DATA`), then",
        "ship it",
    ]


def test_units_of_which_nobody_knows_the_number_are_counted(capsys, monkeypatch):
    monkeypatch.setattr("limbeck.console._PLAIN_EVERY_S", -1)
    with console.meter("rows", None) as progress:
        progress.advance(1_000)
    first, last = capsys.readouterr().out.splitlines()
    assert first.startswith("  rows: 1,000 after ")
    assert last.startswith("  rows: done after ")
