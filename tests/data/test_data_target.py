"""Another domain: its labels are for the test and for the ceiling, and for nothing else."""

import pytest
from data_cases import refused
from test_data_splits import load, many, texts, write_rows

from limbeck.data import SplitSettings
from limbeck.recipe import DataSettings, TargetSettings
from made_rows import classified, numbers_of


@pytest.fixture
def source(tmp_path):
    return write_rows(tmp_path / "source.jsonl", many(40, "source"))


@pytest.fixture
def target(tmp_path):
    return write_rows(tmp_path / "target.jsonl", many(30, "target"))


def to(path, **more):
    return {"target": {"source": str(path), **more}}


def test_the_student_reads_target_text_and_is_tested_on_it(source, target):
    splits = load(source, test=10, **to(target))
    assert (len(splits.labelled), len(splits.validation), len(splits.unlabelled), len(splits.test)) == (36, 4, 20, 10)
    assert all(text.startswith("source") for text in texts(splits.labelled) | texts(splits.validation))
    assert all(text.startswith("target") for text in texts(splits.unlabelled) | texts(splits.test))
    assert not texts(splits.unlabelled) & texts(splits.test)
    assert set(numbers_of(splits.unlabelled).tolist()) == {-1}
    written = dict(many(30, "target"))
    assert [splits.task.names[label] for label in numbers_of(splits.test)] == [
        written[text] for text in splits.test.values
    ]


def test_blocks_are_those_of_the_target_file(source, target):
    split = SplitSettings(test=10, validation=4, block=5)
    settings = DataSettings(source=str(source), split=split, target=TargetSettings(source=str(target)))
    splits = classified(settings)
    where = {text: row // 5 for row, (text, _) in enumerate(many(30, "target"))}
    assert len(splits.test) == 10
    assert len({where[text] for text in splits.test.values}) == 2
    assert len(splits.validation) == 5
    with refused("held out in whole blocks of 20, 0 of 30 rows", target.name):
        classified(settings.model_copy(update={"split": SplitSettings(test=25, validation=4, block=20)}))


def test_the_ceiling_knows_the_labels_of_the_rest(source, target):
    splits = load(source, test=10, **to(target))
    assert texts(splits.ceiling) == texts(splits.unlabelled)
    written = dict(many(30, "target"))
    assert [splits.task.names[x] for x in numbers_of(splits.ceiling)] == [
        written[text] for text in splits.ceiling.values
    ]
    assert not len(load(source).ceiling)


def test_the_ceiling_has_no_row_that_is_chosen_or_tested_on(source, tmp_path):
    splits = load(
        source, test=10, **to(write_rows(tmp_path / "both.jsonl", [*many(30, "target"), *many(40, "source")]))
    )
    assert len(splits.ceiling) > 30
    assert not texts(splits.ceiling) & (texts(splits.validation) | texts(splits.test))


def test_of_few_unlabelled_rows_the_targets_come_first(source, target):
    def prefixes(**settings):
        splits = load(source, labelled=10, max_unlabelled=25, **settings)
        return [text.split()[0] for text in splits.unlabelled.values]

    assert prefixes(test=10, **to(target)) == ["target"] * 20 + ["source"] * 5
    assert prefixes() == ["source"] * 22


def test_the_target_may_be_a_part_of_a_file(source, tmp_path):
    shops = tmp_path / "shops.csv"
    rows = [
        f"{('books', 'dvd')[row % 3 == 0]},{('books', 'dvd')[row % 3 == 0]} {row},{('neg', 'pos')[row % 2]}"
        for row in range(60)
    ]
    shops.write_text("\n".join(["domain,text,label", *rows]))
    splits = load(source, test=10, **to(shops, domain="dvd"))
    assert len(splits.test) == len(splits.unlabelled) == len(splits.ceiling) == 10
    assert all(text.startswith("dvd") for text in splits.test.values + splits.unlabelled.values)


def test_a_test_split_of_the_target_is_kept_whole(source, tmp_path):
    write_rows(tmp_path / "other" / "train.jsonl", [*many(12, "target"), ("tested 1", "neg")])
    write_rows(tmp_path / "other" / "validation.jsonl", many(3, "target's validation"))
    write_rows(tmp_path / "other" / "unsupervised.jsonl", [("more", None), ("tested 2", None)])
    write_rows(tmp_path / "other" / "test.jsonl", many(6, "tested"))
    splits = load(source, test=2, **to(tmp_path / "other"))
    assert texts(splits.test) == {f"tested {row}" for row in range(6)}
    validation = {f"target's validation {row}" for row in range(3)}
    assert texts(splits.unlabelled) == {f"target {row}" for row in range(12)} | validation | {"more"}
    assert texts(splits.ceiling) == {f"target {row}" for row in range(12)}
    assert splits.dropped == {"unlabelled, also in test": 2}


def test_what_is_dropped_of_the_target_is_counted(source, tmp_path):
    rows = [*many(30, "target"), *many(2, "target"), ("target 5", "neg"), (" ", "pos")]
    splits = load(source, test=10, **to(write_rows(tmp_path / "target.jsonl", rows)))
    assert {reason: count for reason, count in splits.dropped.items() if reason.endswith("in the target")} == {
        "repeated, in the target": 3,
        "contradicting labels, in the target": 1,
        "empty, in the target": 1,
    }


def test_text_of_the_target_test_is_in_no_other_split(tmp_path, target):
    rows = [*many(40, "source"), *many(30, "target", labels=("pos", "neg"))]
    splits = load(write_rows(tmp_path / "both.jsonl", rows), test=10, **to(target))
    for part in (splits.labelled, splits.validation, splits.unlabelled):
        assert not texts(part) & texts(splits.test)
    assert splits.dropped["training, also in test"] == 10
    assert sum(splits.dropped.get(f"unlabelled, also in {part}", 0) for part in ("training", "validation")) == 20


def test_the_sources_own_test_split_and_text_are_not_used(tmp_path, target):
    for split in ("train", "test", "unsupervised"):
        write_rows(tmp_path / "mine" / f"{split}.jsonl", many(20, split))
    splits = load(tmp_path / "mine", test=10, **to(target))
    used = texts(splits.labelled) | texts(splits.validation) | texts(splits.unlabelled) | texts(splits.test)
    assert not any(text.startswith(("test", "unsupervised")) for text in used)


def test_the_order_of_the_rows_and_their_labels_change_no_split(source, target, tmp_path):
    first = load(source, test=10, **to(target))
    rows = [(text, {"neg": "pos", "pos": "neg"}[label]) for text, label in many(30, "target")][::-1]
    second = load(source, test=10, **to(write_rows(tmp_path / "turned.jsonl", rows)))
    assert first.test.values == second.test.values
    assert first.transfer.ids.tolist() == second.transfer.ids.tolist()
    assert numbers_of(first.transfer).tolist() == numbers_of(second.transfer).tolist()


def test_what_is_refused(source, target, tmp_path):
    with refused(target, "30 usable rows with a label are too few for data.split.test=30"):
        load(source, test=30, **to(target))
    with refused("label `odd` does not occur in the training rows", "train split"):
        load(source, **to(write_rows(tmp_path / "odd.jsonl", many(30, labels=("neg", "odd")))))
    with refused(target, "no column `review`", "set data.target.text=text"):
        load(source, **to(target, text="review"))


def test_labels_of_the_targets_own_test_are_asked_of_it(source, tmp_path):
    """The source was named."""
    folder = tmp_path / "there"
    folder.mkdir()
    write_rows(folder / "train.jsonl", many(30, "target"))
    write_rows(folder / "test.jsonl", [("tested", "pos"), ("bare", None)])
    with refused("there, test split", "1 of 2 rows without a label"):
        load(source, **to(folder))
    write_rows(folder / "test.jsonl", [("tested", "pos"), ("other", "odd")])
    with refused("there, test split", "label `odd` does not occur"):
        load(source, **to(folder))
