"""Who trains, chooses and is tested: classes, held-out rows, leaks, hidden labels."""

import json
import random
import re

import numpy as np
import pytest
from data_cases import refused

from limbeck.data import SplitSettings, label_name
from limbeck.data.sieve import Sieve
from limbeck.recipe import DataSettings
from made_rows import TEXT, classified, id_of, numbers_of, rows_of

PARTS = ("labelled", "unlabelled", "validation", "test")


def write_rows(path, rows):
    """Write (text, label) rows, one JSON object a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in rows))
    return path


def many(count, prefix="text", labels=("neg", "pos")):
    return [(f"{prefix} {row}", labels[row % len(labels)]) for row in range(count)]


def load(source, *, test=4, validation=4, **settings):
    return classified(
        DataSettings(source=str(source), split=SplitSettings(test=test, validation=validation), **settings)
    )


def texts(part):
    return set(part.values)


def having_labels(splits):
    """Return every text with a label."""
    return texts(splits.labelled) | texts(splits.validation) | texts(splits.test)


# --- classes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        ((10, 9, 2), ("2", "9", "10")),
        (("pos", "neg", "Neutral"), ("Neutral", "neg", "pos")),
        ((True, False), ("false", "true")),
        ((1.0, 0.0), ("0", "1")),
        ((-2, -1, 0, 1), ("-2", "-1", "0", "1")),
    ],
)
def test_classes_by_kind_of_label(tmp_path, labels, classes):
    rows = many(40, labels=labels)
    splits = load(write_rows(tmp_path / "mine.jsonl", rows))
    assert splits.task.names == classes
    written = dict(rows)
    for part in (splits.labelled, splits.validation, splits.test):
        got = [classes[label] for label in numbers_of(part)]
        assert got == [label_name(written[text]) for text in part.values]


def test_single_class(tmp_path):
    with refused("mine.jsonl", "column `label`", "every label is `pos`"):
        load(write_rows(tmp_path / "mine.jsonl", many(40, labels=("pos",))))
    with refused("no row has a label"):
        load(write_rows(tmp_path / "mine.jsonl", many(40, labels=(None,))))


@pytest.mark.parametrize(
    ("labels", "said"),
    [((0.5, 1.0), "fractional"), ((1, "one"), "mixed kinds (int, str)"), (([1], [2]), "of type list")],
)
def test_labels_that_are_no_classes(tmp_path, labels, said):
    with refused("mine.jsonl", "column `label`", said):
        load(write_rows(tmp_path / "mine.jsonl", many(40, labels=labels)))


@pytest.mark.parametrize("split", ["validation", "test"])
def test_label_unseen_in_training(tmp_path, split):
    write_rows(tmp_path / "train.jsonl", many(40))
    write_rows(tmp_path / f"{split}.jsonl", [*many(4, split), ("odd one", "mixed")])
    with refused(tmp_path, f"{split} split", "label `mixed` does not occur in the training rows"):
        load(tmp_path)


# --- who goes where ------------------------------------------------------------------------------------------------


def test_splits_do_not_depend_on_the_order_of_the_file(tmp_path):
    rows = many(60)
    first = load(write_rows(tmp_path / "a.jsonl", rows), labelled=20)
    random.Random(0).shuffle(rows)
    second = load(write_rows(tmp_path / "b.jsonl", rows), labelled=20)
    for name in PARTS:
        assert getattr(first, name).values == getattr(second, name).values
        assert numbers_of(getattr(first, name)).tolist() == numbers_of(getattr(second, name)).tolist()
    assert first.digest == second.digest


def test_results_do_not_depend_on_the_order_of_an_official_test_file(tmp_path):
    test = [*many(6, "test"), ("twice", "pos"), ("twice", "neg")]
    digests = set()
    for name, rows in (("a", test), ("b", test[::-1])):
        write_rows(tmp_path / name / "train.jsonl", many(40))
        write_rows(tmp_path / name / "test.jsonl", rows)
        digests.add(load(tmp_path / name).digest)
    assert len(digests) == 1


def test_digest_changes_with_content(tmp_path):
    rows = many(60)
    changed = [*rows[:-1], ("another text", rows[-1][1])], [*rows[:-1], (rows[-1][0], "neg")], rows[:-1]
    renamed = [(text, {"neg": "bad", "pos": "good"}[label]) for text, label in rows]
    versions = (rows, renamed, *changed)
    assert len({load(write_rows(tmp_path / "mine.jsonl", version)).digest for version in versions}) == 5


def test_sizes_and_disjointness(tmp_path):
    splits = load(write_rows(tmp_path / "mine.jsonl", many(100)), test=20, validation=10, labelled=30)
    parts = [getattr(splits, name) for name in PARTS]
    assert [len(part) for part in parts] == [30, 40, 10, 20]
    assert len(set().union(*map(texts, parts))) == 100
    for part in parts:
        assert part.ids.tolist() == [id_of(text) for text in part.values]


def test_of_a_repeated_text_the_row_with_a_label_is_kept_in_any_order():
    for labels in ([0, -1], [-1, 0], [-1, 0, -1, 0]):
        rows = rows_of(np.full(len(labels), 7), ["a text"] * len(labels), np.array(labels))
        assert numbers_of(Sieve(TEXT).clean(rows)).tolist() == [0]
    rows = rows_of(np.full(3, 7), ["a text"] * 3, np.array([-1, 0, 1]))
    assert not len(Sieve(TEXT).clean(rows))


def test_blocks_are_held_out_whole(tmp_path):
    """Rows of one film follow each other: a film is in one split only."""
    rows = many(100)
    where = {text: row // 5 for row, (text, _) in enumerate(rows)}
    split = SplitSettings(test=20, validation=10, block=5)
    splits = classified(DataSettings(source=str(write_rows(tmp_path / "mine.jsonl", rows)), split=split, labelled=30))
    assert [len(getattr(splits, name)) for name in PARTS] == [30, 40, 10, 20]
    for part, blocks in ((splits.test, 4), (splits.validation, 2), (splits.transfer, 14)):
        assert len({where[text] for text in part.values}) == blocks
    for part in (splits.test, splits.validation):
        assert part.ids.tolist() == sorted(part.ids.tolist())
    alone = load(tmp_path / "mine.jsonl", test=20, validation=10, labelled=30)
    assert len({where[text] for text in alone.test.values}) > 8


def test_blocks_of_a_file_with_rows_that_are_left_out(tmp_path):
    """Blocks are counted in the file: what is dropped or has no label still takes its place."""
    rows = many(20)
    rows[3] = ("text 1", rows[1][1])  # repeated
    rows[6] = (" ", "neg")
    rows[8] = ("bare", None)
    split = SplitSettings(test=4, validation=4, block=4)
    splits = classified(DataSettings(source=str(write_rows(tmp_path / "mine.jsonl", rows)), split=split, labelled=None))
    known = having_labels(splits)
    assert len(known) == 17
    blocks = [{id_of(t) for t, _ in rows[at : at + 4] if t in known} for at in range(0, 20, 4)]
    expected = [key for block in sorted(map(sorted, blocks)) for key in block]
    sizes = [len(block) for block in sorted(map(sorted, blocks))]
    ends = np.cumsum(sizes)
    first = int(ends[np.flatnonzero(ends >= 4)[0]])
    second = int(ends[np.flatnonzero(ends >= first + 4)[0]])
    assert second > 8  # a block has lost a row, and another one is taken for it
    assert set(splits.test.ids.tolist()) == set(expected[:first])
    assert set(splits.validation.ids.tolist()) == set(expected[first:second])


def test_rows_without_a_label_are_held_out_with_their_block(tmp_path):
    """They stayed as unlabelled text: half of a film whose other half is the test."""
    rows = [(f"text {row}", ("neg", "pos")[row // 2 % 2] if row % 2 else None) for row in range(200)]
    where = {text: row // 10 for row, (text, _) in enumerate(rows)}
    split = SplitSettings(test=20, validation=10, block=10)
    source = write_rows(tmp_path / "mine.jsonl", rows)
    splits = classified(DataSettings(source=str(source), split=split))
    assert splits.dropped == {"training, in a block of test": 20, "training, in a block of validation": 10}
    films = [{where[text] for text in part.values} for part in (splits.transfer, splits.validation, splits.test)]
    assert [len(found) for found in films] == [14, 2, 4]
    assert len(set().union(*films)) == 20
    labelled = write_rows(tmp_path / "labelled.jsonl", many(40, "source"))
    to = classified(DataSettings(source=str(labelled), split=split, target={"source": str(source)}))
    assert to.dropped == {"unlabelled, in a block of test": 20}
    assert not {where[text] for text in to.test.values} & {
        where[text] for text in to.unlabelled.values if text in where
    }


def test_blocks_that_leave_too_few(tmp_path):
    file = write_rows(tmp_path / "mine.jsonl", many(100))
    split = SplitSettings(test=20, validation=10, block=60)
    with refused("held out in whole blocks of 60, 0 of 100 rows with a label are left; lower data.split.block"):
        classified(DataSettings(source=str(file), split=split))
    split = SplitSettings(test=20, validation=10, block=30)
    settings = DataSettings(source=str(file), split=split, labelled=41)
    with refused("40 of 100 rows with a label are left; lower data.split.block, so that at least 41 are left"):
        classified(settings)
    assert len(classified(settings.model_copy(update={"labelled": 40})).labelled) == 40


def test_labels_beyond_those_asked_for_are_hidden(tmp_path):
    splits = load(write_rows(tmp_path / "mine.jsonl", many(40)), labelled=10)
    assert len(splits.unlabelled) == 22
    assert (numbers_of(splits.unlabelled) == -1).all()
    assert (numbers_of(splits.labelled) != -1).all()
    assert splits.transfer.values == splits.labelled.values + splits.unlabelled.values


def test_without_a_number_all_labels_are_used(tmp_path):
    splits = load(write_rows(tmp_path / "mine.jsonl", many(40)), labelled=None)
    assert (len(splits.labelled), len(splits.unlabelled)) == (32, 0)


def test_cap_on_unlabelled_rows(tmp_path):
    file = write_rows(tmp_path / "mine.jsonl", many(40))
    assert len(load(file, labelled=10, max_unlabelled=5).unlabelled) == 5
    assert len(load(file, labelled=10, max_unlabelled=0).unlabelled) == 0
    assert len(load(file, labelled=10, max_unlabelled=500).unlabelled) == 22


def test_rows_without_a_label_become_unlabelled_and_are_never_held_out(tmp_path):
    """Held-out rows were taken from all rows, and the run stopped at the first without a label."""
    bare = many(50, "bare", labels=(None, ""))
    splits = load(write_rows(tmp_path / "mine.jsonl", [*many(20), *bare]))
    assert texts(splits.unlabelled) == {text for text, _ in bare}
    assert [len(part) for part in (splits.labelled, splits.validation, splits.test)] == [12, 4, 4]


def test_rows_without_a_label_do_not_count_as_enough(tmp_path):
    with refused("7 usable rows with a label are too few", "add rows"):
        load(write_rows(tmp_path / "mine.jsonl", [*many(7), *many(50, "bare", labels=(None,))]), test=2, validation=2)


# --- leaks, repeats ------------------------------------------------------------------------------------------------


def test_official_splits_are_kept_and_leaks_dropped(tmp_path):
    test = [*many(5, "test"), ("test 0", "neg"), ("", "pos")]
    write_rows(tmp_path / "train.jsonl", [*many(30), ("test 0", "pos"), ("test 1", "neg"), ("valid 0", "neg")])
    write_rows(tmp_path / "validation.jsonl", [*many(6, "valid"), ("test 2", "neg")])
    write_rows(tmp_path / "test.jsonl", test)
    write_rows(tmp_path / "unsupervised.jsonl", [(text, None) for text in ("new", "test 3", "valid 1", "text 4")])
    splits = load(tmp_path, test=2000, validation=400)
    pairs = zip(splits.test.values, numbers_of(splits.test), strict=True)
    assert sorted((text, splits.task.names[label]) for text, label in pairs) == sorted(test), "kept whole"
    assert texts(splits.validation) == {f"valid {row}" for row in range(6)}
    assert texts(splits.labelled) == {f"text {row}" for row in range(30)}
    assert splits.unlabelled.values == ["new"]
    assert splits.dropped == {
        "training, also in test": 2,
        "validation, also in test": 1,
        "training, also in validation": 1,
        "unlabelled, also in test": 1,
        "unlabelled, also in validation": 1,
        "unlabelled, also in training": 1,
    }


def test_leaks_do_not_eat_into_the_labels_asked_for(tmp_path):
    """The rows were counted before the leaks were dropped, and fewer labels than asked for were used in silence."""
    write_rows(tmp_path / "train.jsonl", many(30))
    write_rows(tmp_path / "test.jsonl", many(10))
    with refused(tmp_path, "20 usable rows"):
        load(tmp_path, labelled=20)
    assert len(load(tmp_path, labelled=16).labelled) == 16


def test_repeated_contradicting_and_empty_rows(tmp_path):
    odd = [("twice", "pos"), ("twice", "pos"), ("torn", "pos"), ("torn", "neg"), ("torn", "pos"), ("", "pos")]
    splits = load(write_rows(tmp_path / "mine.jsonl", [*many(20), *odd, (" \n", "neg")]))
    every = [text for name in PARTS for text in getattr(splits, name).values]
    assert sorted(every) == sorted([text for text, _ in many(20)] + ["twice"])
    assert splits.dropped == {"repeated": 3, "contradicting labels": 1, "empty": 2}


@pytest.mark.parametrize("labels", [(None, "pos"), ("pos", None), (None, "pos", None, "pos")])
def test_a_repeated_text_keeps_the_label_it_has_somewhere(tmp_path, labels):
    """No label and a label were taken for a contradiction, and both rows were lost."""
    rows = [*many(20), *[("twice", label) for label in labels]]
    splits = load(write_rows(tmp_path / "mine.jsonl", rows), test=2, validation=2)
    held = splits.labelled + splits.validation + splits.test
    assert splits.task.names[numbers_of(held)[held.values.index("twice")]] == "pos"
    assert splits.dropped == {"repeated": len(labels) - 1}


def test_transfer_file_joins_the_unlabelled_rows(tmp_path):
    file = write_rows(tmp_path / "mine.jsonl", many(20))
    more = tmp_path / "more.csv"
    more.write_text("text\nnew one\nnew one\ntext 3\n")
    splits = load(file, unlabelled=str(more))
    assert splits.unlabelled.values == ["new one"]
    assert splits.dropped["repeated"] == 1
    assert sum(rows for reason, rows in splits.dropped.items() if reason.startswith("unlabelled, also in")) == 1


def test_an_official_split_without_labels(tmp_path):
    write_rows(tmp_path / "train.jsonl", many(40))
    write_rows(tmp_path / "test.jsonl", [*many(4, "test"), ("bare", None)])
    with refused(tmp_path, "test split", "1 of 5 rows without a label"):
        load(tmp_path)


def test_a_validation_split_that_is_all_in_test(tmp_path):
    write_rows(tmp_path / "train.jsonl", many(40))
    for split in ("validation", "test"):
        write_rows(tmp_path / f"{split}.jsonl", many(4, "held"))
    with refused(tmp_path, "validation split", "no usable rows"):
        load(tmp_path)


# --- too few rows --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "classes", "settings"),
    [
        (300, 2, {"test": 2000, "validation": 400, "labelled": 500}),
        (300, 2, {"test": 2000, "validation": 400}),
        (100, 2, {"test": 10, "validation": 10, "labelled": 90}),
        (24, 10, {"test": 5, "validation": 5}),
        (8, 2, {"test": 2, "validation": 400, "labelled": 2}),
    ],
)
def test_the_sizes_that_would_do_indeed_do(tmp_path, rows, classes, settings):
    file = write_rows(tmp_path / "mine.jsonl", many(rows, labels=range(classes)))
    with refused(file, f"{rows} usable rows with a label are too few", "these would do: ") as caught:
        load(file, **settings)
    sizes = {key.split(".")[-1]: int(size) for key, size in re.findall(r"(data\.[a-z.]+)=(\d+)", caught.value.fix)}
    assert sizes.keys() == settings.keys()
    assert all(sizes[name] <= settings[name] for name in sizes), "never more than was asked for"
    assert len(load(file, **sizes).labelled) >= min(2 * classes, settings.get("labelled", rows))


def test_official_splits_and_too_many_labels(tmp_path):
    write_rows(tmp_path / "train.jsonl", many(12))
    for split in ("validation", "test"):
        write_rows(tmp_path / f"{split}.jsonl", many(4, split))
    with refused("12 usable rows with a label are too few for data.labelled=20; these would do: data.labelled=12"):
        load(tmp_path, labelled=20)
    assert len(load(tmp_path, labelled=12).labelled) == 12


def test_hopelessly_few_rows(tmp_path):
    with refused("mine.jsonl", "add rows: at least 8 with a label are needed for 2 classes"):
        load(write_rows(tmp_path / "mine.jsonl", many(7)))
    assert len(load(write_rows(tmp_path / "mine.jsonl", many(8)), test=2, validation=2).labelled) == 4


def test_two_rows_a_class_do_where_few_are_held_out(tmp_path):
    """As where as many are held out as the labels are good for, whose recipe is written with their number."""
    file = write_rows(tmp_path / "mine.jsonl", many(40, labels=range(20)))
    splits = load(file, test=4, validation=4)
    assert len({*numbers_of(splits.labelled).tolist()}) == 20
    with refused("40 usable rows with a label are too few"):
        load(file, test=4, validation=5)


def test_fewer_labels_are_the_splits_of_that_number_on_the_same_text(tmp_path):
    file = write_rows(tmp_path / "mine.jsonl", many(100))
    whole = load(file, test=10, validation=10, labelled=60)
    fewer = whole.keeping(20)
    assert fewer.digest == load(file, test=10, validation=10, labelled=20).digest != whole.digest
    assert fewer.transfer.values == whole.transfer.values
    assert (numbers_of(fewer.unlabelled) == -1).all()
    assert whole.keeping(60).digest == whole.digest


def test_more_labels_than_there_are_and_labels_of_one_class(tmp_path):
    file = write_rows(tmp_path / "mine.jsonl", many(100, labels=[0] * 9 + [1]))
    split = SplitSettings(test=10, validation=10, stratify=False)
    whole = classified(DataSettings(source=str(file), split=split))
    with refused("curves.labels=81", "81 labels are more than the 80 labelled rows of this run"):
        whole.keeping(81)
    alike = numbers_of(whole.labelled).tolist().index(1)
    assert alike >= 2
    with refused(f"curves.labels={alike}", f"all {alike} labelled training rows are of class `0`; raise curves.labels"):
        whole.keeping(alike)
    assert set(numbers_of(load(file, test=10, validation=10).keeping(2).labelled).tolist()) == {0, 1}
