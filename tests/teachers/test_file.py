"""A file of answers as a teacher: found by what a row is about, in whatever order; none missing, none twice."""

import csv
import sys
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

sys.path.append(str(Path(__file__).parent.parent / "pipeline"))
from tiny import GOOD, recipe, write_csv

from limbeck.cache.inspect import caches_in, info, one_cache_in
from limbeck.cache.parquet import export_parquet
from limbeck.digest import hex_id
from limbeck.errors import LimbeckError
from limbeck.pipeline import run
from limbeck.pipeline.check import check
from limbeck.pipeline.training.judged import ask_teacher
from limbeck.pipeline.training.material import Material
from limbeck.pipeline.training.teacher import settle, train_teacher
from limbeck.recipe import parse_recipe
from made_rows import id_of, numbers_of, splits_of

pytestmark = pytest.mark.usefixtures("quick_exports")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return write_csv(tmp_path_factory.mktemp("rows") / "rows.csv")


@pytest.fixture(scope="module")
def rows(source):
    """The columns of a good file: probabilities that are right and differ from row to row."""
    with source.open(newline="") as held:
        texts = [row["text"] for row in csv.DictReader(held)]
    sure = np.random.default_rng(0).uniform(0.6, 0.99, len(texts))
    good = np.where([bool(set(GOOD) & set(text.split())) for text in texts], sure, 1 - sure)
    return {"text": texts, "0": (1 - good).tolist(), "1": good.tolist()}


def write(file, columns):
    if file.suffix == ".parquet":
        pyarrow.parquet.write_table(pyarrow.table(columns), file)
        return file
    with file.open("w", newline="", encoding="utf-8") as held:
        csv.writer(held).writerows([[*columns], *zip(*columns.values(), strict=True)])
    return file


def parsed(source, file, about=(), **teacher):
    values = recipe(source, seeds=[0], baseline=False, **dict(about))
    values["student"]["train"] |= {"steps": 4, "validations": 1}
    return parse_recipe(values | {"teacher": {"kind": "file", "path": str(file), "by": "text"} | teacher}, "test")


def answered(loaded, folder):
    material = Material(splits_of(loaded))
    settled = settle(loaded, material)
    return ask_teacher(settled, train_teacher(settled, material, folder), material.splits, folder)


def own(answers, rows, split="validation"):
    """Return the file's probabilities for a split."""
    at = {text: number for number, text in enumerate(rows["text"])}
    wanted = [at[text] for text in getattr(answers.splits, split).values]
    return np.stack([np.array(rows[name])[wanted] for name in ("0", "1")], axis=1)


def name(answers):
    return answers.members[0].cache.digest


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_run_from_a_cold_start(source, rows, tmp_path, capsys, suffix):
    file = write(tmp_path / f"answers.{suffix}", rows)
    result = run(parsed(source, file), tmp_path / "run")
    assert result.evaluation.score("teacher") == 1.0
    assert "its numbers are probabilities" in capsys.readouterr().out
    answers = answered(parsed(source, file), tmp_path / "again")
    np.testing.assert_allclose(np.exp(answers.logits("transfer")), own(answers, rows, "transfer"), rtol=1e-5)
    check(parsed(source, file))


def test_any_order_and_form_is_the_same_teacher(source, rows, tmp_path):
    first = answered(parsed(source, write(tmp_path / "a.csv", rows), accept_bad=True), tmp_path / "one")
    np.testing.assert_allclose(np.exp(first.logits("transfer")), own(first, rows, "transfer"), rtol=1e-5)
    shuffled = np.random.default_rng(1).permutation(len(rows["text"])).tolist()
    mixed = {key: [rows[key][row] for row in shuffled] for key in ("1", "text", "0")}
    mixed = {key: value + value[:3] for key, value in mixed.items()}  # rows that stand twice and say the same
    second = answered(parsed(source, write(tmp_path / "b.csv", mixed), accept_bad=True), tmp_path / "two")
    third = answered(parsed(source, write(tmp_path / "c.parquet", mixed), accept_bad=True), tmp_path / "three")
    ids = {"key": [id_of(text) for text in mixed["text"]], "0": mixed["0"], "1": mixed["1"]}
    fourth = answered(
        parsed(source, write(tmp_path / "d.parquet", ids), by="id", column="key", accept_bad=True), tmp_path / "four"
    )
    assert len({name(each) for each in (first, second, third, fourth)}) == 1
    assert np.array_equal(fourth.logits("transfer"), first.logits("transfer"))


def test_what_a_cache_exports_is_a_teacher_as_it_is(source, rows, tmp_path, capsys):
    run(parsed(source, write(tmp_path / "answers.csv", rows)), tmp_path / "one")
    file = tmp_path / "exported.parquet"
    export_parquet(one_cache_in(tmp_path / "one"), file)
    first = answered(parsed(source, tmp_path / "answers.csv"), tmp_path / "again")
    capsys.readouterr()
    exported = parsed(source, file, by="id")
    second = answered(exported, tmp_path / "two")
    out = capsys.readouterr().out
    assert "in the order of the classes: 0 is 0, 1 is 1" in out
    assert "its numbers are logits" in out
    assert np.array_equal(second.logits("transfer"), first.logits("transfer"))
    assert np.array_equal(second.logits("validation"), first.logits("validation"))
    check(exported)
    table = pyarrow.parquet.read_table(file)
    pyarrow.parquet.write_table(table.slice(1), tmp_path / "fewer.parquet")
    with pytest.raises(LimbeckError, match=f"no row for 1 of 260 examples, such as `{table['id'][0]}`"):
        check(parsed(source, tmp_path / "fewer.parquet", by="id"))


def test_lists_of_many_outputs_stand_in_the_order_of_the_classes(tmp_path):
    """Ten comes after nine, and not after one."""
    source = write_csv(tmp_path / "rows.csv", classes=11)
    with source.open(newline="") as held:
        pairs = [(row["text"], int(row["label"].split()[1])) for row in csv.DictReader(held)]
    names = sorted({f"class {label}" for _, label in pairs})
    logits = [[3.5 * (name == f"class {label}") for name in names] for _, label in pairs]
    hexed = [hex_id(id_of(text)) for text, _ in pairs]
    file = tmp_path / "answers.parquet"
    write(file, {"id": hexed, "logits": logits, "label": [label for _, label in pairs], "tap/x": logits})
    about = {"data": {"source": str(source), "split": {"test": 60, "validation": 30}, "labelled": 60}}
    answers = answered(parsed(source, file, about, by="id"), tmp_path / "run")
    np.testing.assert_array_equal(answers.logits("validation").argmax(1), numbers_of(answers.splits.validation))
    swapped = {str(place): name for place, name in enumerate(reversed(names))}
    other = answered(parsed(source, file, about, by="id", labels=swapped, accept_bad=True), tmp_path / "other")
    assert np.array_equal(other.logits("validation"), answers.logits("validation")[:, ::-1])
    for wrong in ([logits[0], logits[0][:10]], [logits[0], None], [[logits[0]], [logits[0]]]):
        write(file, {"id": hexed[:2], "logits": wrong})
        with pytest.raises(LimbeckError, match=r"column `logits` does not hold \d+ numbers for `[0-9a-f]{16}`"):
            check(parsed(source, file, about, by="id"))


def test_a_part_of_the_answers_is_no_teacher(source, rows, tmp_path):
    codec = {"cache": {"codec": {"kind": "topk", "k": 1}}}
    answered(parsed(source, write(tmp_path / "answers.csv", rows), codec), tmp_path / "one")
    part = next(cache for cache in caches_in(tmp_path / "one") if info(cache).identity.codec.kind == "topk")
    export_parquet(part, tmp_path / "answers.parquet")
    with pytest.raises(LimbeckError, match=r"no column of it holds numbers alone; .* or one column `logits` of lists"):
        check(parsed(source, tmp_path / "answers.parquet", by="id"))


def test_a_changed_number_refuses_the_old_answers_and_shows_both(source, rows, tmp_path):
    about = {"cache": {"path": str(tmp_path / "kept")}}
    file = write(tmp_path / "answers.csv", rows)
    run(parsed(source, file, about), tmp_path / "one")
    moved = rows | {"0": [0.5, *rows["0"][1:]], "1": [0.5, *rows["1"][1:]]}
    write(file, moved)
    for go in (lambda loaded: run(loaded, tmp_path / "two"), check):
        with pytest.raises(
            LimbeckError, match=r"another teacher: it has `[0-9a-f]{16}`, this run needs `[0-9a-f]{16}`"
        ):
            go(parsed(source, file, about))


def test_logits_and_columns_of_other_names(source, rows, tmp_path, capsys):
    numbers = {"text": rows["text"], "bad": np.log(rows["0"]).tolist(), "good": np.log(rows["1"]).tolist()}
    file = write(tmp_path / "answers.csv", numbers)
    with pytest.raises(LimbeckError) as caught:
        check(parsed(source, file))
    assert "outputs `bad`, `good` are not the names of the classes `0`, `1`; say which is which" in str(caught.value)
    assert "'teacher.labels={bad: 0, good: 1}' (100.0%) or 'teacher.labels={bad: 1, good: 0}'" in str(caught.value)
    answers = answered(parsed(source, file, labels={"good": 1, "bad": 0}), tmp_path / "run")
    assert "its numbers are logits" in capsys.readouterr().out
    np.testing.assert_allclose(np.exp(answers.logits("validation")), own(answers, rows), rtol=1e-5)
    swapped = {"text": rows["text"], "0": rows["1"], "1": rows["0"]}
    with pytest.raises(LimbeckError, match=r"seem to be named wrong: 0.0% .*set 'teacher.labels=\{0: 1, 1: 0\}'"):
        check(parsed(source, write(tmp_path / "swapped.csv", swapped)))


def test_columns_that_are_no_class_are_left_out(source, rows, tmp_path, capsys):
    more = rows | {"label": [0] * len(rows["text"]), "id": list(range(len(rows["text"]))), "note": rows["text"]}
    answers = answered(parsed(source, write(tmp_path / "more.csv", more)), tmp_path / "run")
    assert "columns that are left out: id, label" in capsys.readouterr().out
    np.testing.assert_allclose(np.exp(answers.logits("validation")), own(answers, rows), rtol=1e-5)
    labels = {"0": 0, "1": 1}
    again = answered(parsed(source, tmp_path / "more.csv", labels=labels), tmp_path / "again")
    assert (
        name(again) == name(answers) == name(answered(parsed(source, write(tmp_path / "b.csv", rows)), tmp_path / "b"))
    )
    renamed = {"text": rows["text"], "no": rows["0"], "yes": rows["1"], "label": more["label"]}
    with pytest.raises(
        LimbeckError, match=r"the teacher has 3 outputs \(`label`, `no`, `yes`\), and the data 2 classes"
    ):
        check(parsed(source, write(tmp_path / "which.csv", renamed)))


def test_some_classes_of_many(source, rows, tmp_path):
    """The others have a share of the probability."""
    parts = {"text": rows["text"], "other": [0.2] * len(rows["text"])}
    parts |= {key: [0.8 * cell for cell in rows[cells]] for key, cells in (("no", "0"), ("yes", "1"))}
    file = write(tmp_path / "many.csv", parts)
    answers = answered(parsed(source, file, labels={"no": 0, "yes": 1}), tmp_path / "run")
    np.testing.assert_allclose(np.exp(answers.logits("validation")), 0.8 * own(answers, rows), rtol=1e-5)
    with pytest.raises(LimbeckError, match=r"teacher.labels: the teacher has no output `nay`; valid: no, other, yes"):
        check(parsed(source, file, labels={"nay": 0, "yes": 1}))


def without(rows, count):
    return {key: value[count:] for key, value in rows.items()}


def changed(rows, **columns):
    return rows | {key.removeprefix("_"): make(rows[key.removeprefix("_")]) for key, make in columns.items()}


WRONG = {
    "rows that are missing": (
        lambda rows: without(rows, 250),
        r"it has no row for 2\d\d of 2\d\d examples, such as `[^`]+`, .*; let .* exactly as it stands there",
    ),
    "two answers": (
        lambda rows: {key: value + (value[1:3] if key == "text" else value[5:7]) for key, value in rows.items()},
        r"2 examples have two answers that differ, such as `[^`]+`, `[^`]+`; keep one row of each",
    ),
    "a hole": (
        lambda rows: changed(rows, _1=lambda cells: ["", *cells[1:]]),
        "it has no finite number in some column for 1 of",
    ),
    "an infinite number": (
        lambda rows: changed(rows, _1=lambda cells: [float("inf"), *cells[1:]]),
        "no finite number in some column for 1 of",
    ),
    "a text of nothing": (
        lambda rows: changed(rows, text=lambda cells: [*cells[:7], "", *cells[8:]]),
        "column `text` holds nothing in 1 rows, such as row 8",
    ),
    "sums that are not 1": (
        lambda rows: changed(rows, _1=lambda cells: [cell / 2 for cell in cells]),
        r"its numbers lie between 0 and 1, and those of a row do not sum to 1; set teacher.answers=logits",
    ),
    "one column for two classes": (
        lambda rows: {"text": rows["text"], "score": rows["1"]},
        r"it has one column of numbers, `score`, and the data have two classes; write .* 1 - p and p",
    ),
    "a comma in numbers": (
        lambda rows: changed(rows, _1=lambda cells: ["0,25", *cells[1:]]),
        r"it has one column of numbers, `0`, and the data have two classes; column `1` holds `0,25`; write a column",
    ),
    "a word among numbers": (
        lambda rows: changed(rows, _0=lambda cells: [*cells[:3], "x", *cells[4:]], _1=lambda cells: ["y", *cells[1:]]),
        r"no column of it holds numbers alone: column `0` holds `x`, column `1` holds `y`; write",
    ),
    "another name": (lambda rows: {"body" if key == "text" else key: rows[key] for key in rows}, "no column `text`"),
    "no numbers": (lambda rows: {"text": rows["text"], "label": rows["text"]}, "no column of it holds numbers alone"),
    "no rows": (lambda rows: {key: [] for key in rows}, "it holds no row"),
}


def test_a_column_without_a_name_is_no_answer(source, rows, tmp_path):
    """Pandas writes its index so; the names of the others are then those of the classes."""
    numbered = {"": [*range(len(rows["text"]))], "a": rows["0"], "b": rows["1"], "text": rows["text"]}
    file = write(tmp_path / "answers.csv", numbered)
    with pytest.raises(LimbeckError, match=r"outputs `a`, `b` are not the names of the classes `0`, `1`") as caught:
        check(parsed(source, file))
    assert "'teacher.labels={a: 0, b: 1}' (100.0%)" in str(caught.value)
    with pytest.raises(LimbeckError, match="no column `body`, which says what a row is about; valid: a, b, text"):
        check(parsed(source, file, column="body"))


@pytest.mark.parametrize("what", WRONG)
def test_a_file_that_is_wrong(source, rows, tmp_path, what):
    make, line = WRONG[what]
    file = write(tmp_path / "answers.csv", make(rows))
    with pytest.raises(LimbeckError, match=line) as caught:
        check(parsed(source, file))
    assert str(file) in str(caught.value)


def test_what_is_said_to_be_probabilities_is_looked_at(source, rows, tmp_path):
    half = changed(rows, _1=lambda cells: [cell / 2 for cell in cells])
    with pytest.raises(LimbeckError, match="are no probabilities, as"):
        check(parsed(source, write(tmp_path / "half.csv", half), answers="probabilities"))


def test_a_file_by_something_that_the_examples_have_not(source, rows, tmp_path):
    file = write(tmp_path / "answers.csv", rows)
    with pytest.raises(LimbeckError, match="column `text` holds what is no content id"):
        check(parsed(source, file, by="id", column="text"))
    table = tmp_path / "table.csv"
    table.write_text("size,label\n" + "".join(f"{row}.5,{row % 2}\n" for row in range(120)))
    student = {"model": "mlp", "reads": {"kind": "table"}, "train": {"steps": 2, "batch_size": 8, "validations": 1}}
    data = {"source": str(table), "features": "*", "split": {"test": 20, "validation": 20}, "labelled": 20}
    about = {"student": student, "data": data}
    for by in ("text", "path"):
        with pytest.raises(LimbeckError, match=f"teacher.by: a row is not known by its {by}; set it to id"):
            check(parsed(table, file, about, by=by))


def test_copies_need_answers_too(source, rows, tmp_path):
    values = recipe(source, seeds=[0], baseline=False)
    values["data"]["augment"] = {"copies": 1, "mask": 0.2}
    values["teacher"] = {"kind": "file", "path": str(write(tmp_path / "answers.csv", rows)), "by": "text"}
    with pytest.raises(LimbeckError, match=r"no row for \d+ of \d+ examples, .* for each copy where data.augment"):
        check(parse_recipe(values, "test"))


def test_values_of_a_regression(tmp_path):
    texts = [line.split(",")[0] for line in write_csv(tmp_path / "texts.csv").read_text().splitlines()[1:]]
    lengths = [len(text.split()) for text in texts]
    source = write(tmp_path / "rows.csv", {"text": texts, "words": lengths})
    file = write(tmp_path / "answers.csv", {"text": texts, "words": [length + 0.5 for length in lengths]})
    about = {"task": "regression", "losses": [{"name": "regression_kd"}]}
    loaded = parsed(source, file, about)
    loaded = loaded.model_copy(update={"data": loaded.data.model_copy(update={"label": "words"})})
    assert run(loaded, tmp_path / "run").evaluation.score("teacher") == pytest.approx(0.5, abs=1e-5)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A folder of dark and bright pictures, and a file of answers that names them."""
    from PIL import Image

    folder, rng = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    named = {"path": [], "dark": [], "bright": []}
    for row in range(60):
        kind = ("dark", "bright")[row % 2]
        file = folder / "photos" / kind / f"{row}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray((rng.integers(0, 100, (8, 8, 3)) + 120 * (row % 2)).astype(np.uint8)).save(file)
        named["path"].append(str(file.relative_to(folder)))
        named["bright"].append(0.9 if row % 2 else 0.1)
        named["dark"].append(1 - named["bright"][-1])
    write(folder / "answers.csv", named)
    return folder


def of_pictures(folder, teacher, **data):
    student = {"model": {"name": "convnet", "width": 4}, "reads": {"kind": "image", "size": 8}}
    student["train"] = {"steps": 2, "batch_size": 8, "validations": 1}
    about = {
        "source": str(folder / "photos"),
        "image": "image",
        "split": {"test": 10, "validation": 10},
        "labelled": 10,
        "labelled_per_batch": 2,
    }
    return parse_recipe(
        recipe("", seeds=[0], baseline=False, student=student, data=about | data, teacher=teacher), "test"
    )


def test_pictures_by_their_paths(pictures, tmp_path):
    teacher = {"kind": "file", "path": str(pictures / "answers.csv"), "by": "path"}
    answers = answered(of_pictures(pictures, teacher), tmp_path / "run")
    assert np.array_equal(answers.logits("validation").argmax(1), numbers_of(answers.splits.validation))
    lines = (pictures / "answers.csv").read_text().splitlines()
    (pictures / "fewer.csv").write_text("\n".join([*lines[:-2], "photos/none.png,0.5,0.5"]) + "\n")
    with pytest.raises(LimbeckError, match=r"names 1 files that are not there, such as .*none.png"):
        check(of_pictures(pictures, teacher | {"path": str(pictures / "fewer.csv")}))
    (pictures / "fewer.csv").write_text("\n".join(lines[:-2]) + "\n")
    with pytest.raises(LimbeckError, match=r"no row for 2 of 60 examples, such as `.*photos/"):
        check(of_pictures(pictures, teacher | {"path": str(pictures / "fewer.csv")}))


def brightness(values):
    """Return probabilities of bright and dark of pictures as they were read."""
    bright = np.array([value.pixels().mean() for value in values]) > 110
    return np.stack([bright, ~bright], axis=1).astype(float)


def test_pictures_come_to_a_function_as_they_are(pictures, tmp_path):
    teacher = {"kind": "callable", "function": "test_file:brightness", "version": 1}
    answers = answered(of_pictures(pictures, teacher), tmp_path / "run")
    assert np.array_equal(answers.logits("validation").argmax(1), numbers_of(answers.splits.validation))
    with pytest.raises(LimbeckError, match="asked with images as they were read, and copies of them exist as encoded"):
        check(of_pictures(pictures, teacher, augment={"copies": 1, "crop": 1}))
