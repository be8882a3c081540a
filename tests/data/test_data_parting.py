"""Rows that are held out by what a column holds: which are, and what is refused."""

import json
from pathlib import Path

import pytest
from data_cases import refused

from limbeck.data import SplitSettings
from limbeck.data.parting import refuse_rules
from limbeck.recipe import DataSettings
from limbeck.settings.errors import RecipeError, validated
from made_rows import classified

SPEAKERS = ("ada", "bob", "cyd", "dan")


def write(path: Path, rows: int = 40, *, bare: range = range(0)) -> Path:
    """Write rows of four speakers in turn, each of two classes, and of years 0, 1, 2 ..., ten rows a year."""
    lines = [
        {
            "text": f"row {row}", "label": None if row in bare else "ab"[row // 4 % 2],
            "speaker": SPEAKERS[row % 4], "year": row // 10,
        }
        for row in range(rows)
    ]  # fmt: skip
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def load(source: Path, **split):
    return classified(DataSettings(source=str(source), split=SplitSettings(**split)))


def numbers(part) -> set[int]:
    return {int(text.split()[1]) for text in part.values}


def test_a_speaker_is_heard_in_the_test_alone(tmp_path):
    splits = load(write(tmp_path / "rows.jsonl"), test={"speaker": "bob"}, validation=4)
    assert numbers(splits.test) == set(range(1, 40, 4))
    assert len(splits.validation) == 4
    held = numbers(splits.labelled) | numbers(splits.unlabelled) | numbers(splits.validation)
    assert held == set(range(40)) - numbers(splits.test)


def test_several_values_columns_and_splits(tmp_path):
    source = write(tmp_path / "rows.jsonl")
    splits = load(source, test={"speaker": ["ada", "bob"], "year": 3}, validation={"year": [2]})
    assert numbers(splits.test) == {row for row in range(30, 40) if row % 4 in (0, 1)}
    assert numbers(splits.validation) == set(range(20, 30))
    assert numbers(splits.labelled) == set(range(40)) - numbers(splits.test) - numbers(splits.validation)


def test_rows_without_a_label_go_with_their_speaker(tmp_path):
    source = write(tmp_path / "rows.jsonl", bare=range(8))
    splits = load(source, test={"speaker": "ada"}, validation=4)
    assert numbers(splits.test) == set(range(8, 40, 4))
    assert splits.dropped["test, without a label"] == 2
    assert not any(number % 4 == 0 for number in numbers(splits.transfer))


def test_of_a_target_the_test_is_the_targets(tmp_path):
    source, target = write(tmp_path / "a.jsonl"), write(tmp_path / "b.jsonl", 60)
    target.write_text(target.read_text().replace("row ", "other "))
    data = DataSettings(
        source=str(source),
        target={"source": str(target), "text": "text"},
        split=SplitSettings(test={"speaker": "cyd"}, validation=4),
    )
    splits = classified(data)
    assert {text.split()[0] for text in splits.test.values} == {"other"}
    assert numbers(splits.test) == set(range(2, 60, 4))
    assert len(splits.labelled) == 36, "cyd's rows of the source are learned from"


@pytest.mark.parametrize(
    ("split", "said"),
    [
        ({"test": {"speakr": "bob"}}, ("no column `speakr`", "data.split.test", "speaker")),
        ({"test": {"speaker": "bop"}}, ("no row with `bop`", "`speaker`", "bob")),
        ({"test": {"speaker": "bob"}, "validation": {"speaker": "bob"}}, ("no row that data.split.validation",)),
        ({"test": {"year": [0, 1, 2, 3]}}, ("no row is left beside test",)),
    ],
)
def test_what_no_row_is(tmp_path, split, said):
    with refused(*said):
        load(write(tmp_path / "rows.jsonl"), **{"validation": 4, **split})


def spelled(folder: Path, *names: object) -> Path:
    lines = [
        {"text": f"row {row}", "label": "ab"[row // 8 % 2], "speaker": names[row % len(names)]} for row in range(64)
    ]
    (folder / "rows.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return folder / "rows.jsonl"


NFC, NFD = "zo\u00eb", "zoe\u0308"


def test_nobody_is_held_out_under_one_spelling_and_heard_under_another(tmp_path):
    source = spelled(tmp_path, NFC, "ada", NFD, "Zo\u00eb ")
    with refused("writes", "in 3 ways", "zo\\xeb", "zoe\\u0308", "name them all"):
        load(source, test={"speaker": NFC}, validation=4)
    splits = load(source, test={"speaker": [NFC, NFD, "Zo\u00eb "]}, validation=4)
    assert numbers(splits.test) == {row for row in range(64) if row % 4 != 1}


@pytest.mark.parametrize(
    ("there", "typed"),
    [(NFC, NFD), ("Ada ", "ada"), ("True", True), (True, "True"), (True, True), ("true", True), (3.0, "3"), ("3", 3)],
)
def test_the_one_spelling_of_a_column_is_found(tmp_path, there, typed):
    splits = load(spelled(tmp_path, there, "bob"), test={"speaker": typed}, validation=4)
    assert numbers(splits.test) == set(range(0, 64, 2))


def test_rows_of_nobody_known_are_in_no_split(tmp_path, capsys):
    splits = load(spelled(tmp_path, "ada", "bob", None, ""), test={"speaker": "ada"}, validation=4)
    assert numbers(splits.test) == set(range(0, 64, 4))
    heard = numbers(splits.labelled) | numbers(splits.unlabelled) | numbers(splits.validation)
    assert heard == set(range(1, 64, 4))
    assert "32 rows left out, as nobody knows whose: nothing in column speaker" in capsys.readouterr().out
    splits = load(spelled(tmp_path, "ada", "bob", None, ""), test={"speaker": None}, validation=4)
    assert numbers(splits.test) == {row for row in range(64) if row % 4 > 1}, "or they are asked for"


def test_a_source_that_brings_the_split(tmp_path):
    write(tmp_path / "train.jsonl")
    write(tmp_path / "test.jsonl", 8)
    with refused("brings a test split", "data.split.test", "speaker"):
        load(tmp_path, test={"speaker": "bob"}, validation=4)
    with refused("packaged source", "data.split.test"):
        load(Path("sentiment-ratings"), test={"speaker": "bob"}, validation=4)


@pytest.mark.parametrize("value", [1, "many", {}, {"speaker": []}, ["bob"]])
def test_a_split_is_a_number_or_values(value):
    with pytest.raises(RecipeError, match="test"):
        validated(SplitSettings, {"test": value})


def test_rows_of_a_frame_are_chosen_by_its_owner():
    with refused("chooses rows of a file by speaker", "data.split.validation", "validation=frame[...]"):
        refuse_rules(SplitSettings(validation={"speaker": "bob"}).rules)
    refuse_rules(SplitSettings().rules)
