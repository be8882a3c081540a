"""The teacher is asked once for every example, also by a labelling that was killed."""

import sys

import pytest
import torch
from cache_cases import CLASSES, Counting, Says, answers, logits_of, opened, texts

from limbeck.cache import label
from limbeck.errors import LimbeckError
from limbeck.files import write_json
from limbeck.runtime.rows import by_length
from limbeck.types import Batch, tensors


@pytest.fixture(autouse=True)
def _small_shards(monkeypatch):
    monkeypatch.setattr(sys.modules["limbeck.cache.label"], "SHARD_BATCHES", 2)  # the package's `label` is the function


def shards(folder):
    return sorted(file.name for file in folder.glob("shard-*"))


def test_each_example_is_asked_once(tmp_path):
    teacher, (examples, view) = Counting(), texts(range(23))
    cached = label(teacher, examples, view, opened(tmp_path, teacher), batch_size=4)
    assert sorted(teacher.ids) == sorted(examples.ids.tolist())
    assert len(cached) == 23
    assert shards(tmp_path) == ["shard-00003.safetensors"], "three shards, and then one of them all"
    label(teacher, examples, view, opened(tmp_path, teacher), batch_size=4)
    assert len(teacher.ids) == 23


def test_the_cache_answers_what_the_live_teacher_would(tmp_path):
    teacher, (examples, view) = Counting(), texts(range(23))
    cached = label(teacher, examples, view, opened(tmp_path, teacher), batch_size=4)
    for rows in by_length(view, 4, longest_first=True):
        batch = Batch(torch.from_numpy(examples.ids[rows]), {}, teacher_inputs=tensors(view.batch(rows)))
        assert torch.equal(cached.predict(batch).logits, teacher.predict(batch).logits)
    for row in range(23):
        batch = Batch(torch.from_numpy(examples.ids[row : row + 1]), {}, teacher_inputs=tensors(view.batch([row])))
        torch.testing.assert_close(cached.predict(batch).logits, teacher.predict(batch).logits, rtol=0, atol=1e-5)
    assert cached.digest == teacher.digest


@pytest.mark.parametrize("die_at", range(6))
def test_a_killed_labelling_asks_only_for_the_missing_shards(tmp_path, die_at):
    examples, view = texts(range(23))
    whole = Counting()
    expected = answers(label(whole, examples, view, opened(tmp_path / "whole", whole), batch_size=4), examples)

    first, folder = Counting(die_at), tmp_path / "killed"
    with pytest.raises(KeyboardInterrupt):
        label(first, examples, view, opened(folder, first), batch_size=4)
    assert len(shards(folder)) == die_at // 2
    second = Counting()
    cached = label(second, examples, view, opened(folder, second), batch_size=4)
    assert second.asked == whole.asked[2 * (die_at // 2) :]
    assert answers(cached, examples) == expected


def test_a_shard_whose_entry_in_the_manifest_was_not_written_is_asked_again(tmp_path, monkeypatch):
    examples, view = texts(range(23))
    first = Counting()

    def killed(path, value):
        raise KeyboardInterrupt

    monkeypatch.setattr("limbeck.cache.identity.write_json", killed)
    with pytest.raises(KeyboardInterrupt):
        label(first, examples, view, opened(tmp_path, first), batch_size=4)
    monkeypatch.setattr("limbeck.cache.identity.write_json", write_json)
    assert len(shards(tmp_path)) == 1
    second = Counting()
    label(second, examples, view, opened(tmp_path, second), batch_size=4)
    assert sorted(second.ids) == sorted(examples.ids.tolist())


def test_answers_are_keyed_by_content(tmp_path):
    teacher, (examples, view) = Counting(), texts(range(23))
    cached = label(teacher, examples, view, opened(tmp_path / "a", teacher), batch_size=4)
    mixed, mixed_view = texts([n * 7 % 23 for n in range(23)])
    assert mixed.values != examples.values
    assert answers(cached, mixed) == answers(cached, examples)
    again = label(Counting(), mixed, mixed_view, opened(tmp_path / "b", teacher), batch_size=4)
    for text, row in answers(again, mixed).items():
        assert row == pytest.approx(answers(cached, examples)[text], abs=1e-5)


def test_more_examples_add_shards_for_the_new_ones_alone(tmp_path):
    teacher, (examples, view) = Counting(), texts(range(0, 23, 2))
    before = answers(label(teacher, examples, view, opened(tmp_path, teacher), batch_size=4), examples)
    old = shards(tmp_path)
    later, (more, more_view) = Counting(), texts(range(23))
    cached = label(later, more, more_view, opened(tmp_path, later), batch_size=4)
    assert sorted(later.ids) == sorted(set(more.ids.tolist()) - set(examples.ids.tolist()))
    assert len(shards(tmp_path)) > len(old), "the larger shard stays as it is"
    assert set(old) < set(shards(tmp_path))
    assert answers(cached, examples) == before
    assert len(cached) == 23


def test_an_example_that_stands_twice_is_asked_once(tmp_path):
    teacher, (examples, view) = Counting(), texts([*range(9), *range(9), 3])
    cached = label(teacher, examples, view, opened(tmp_path, teacher), batch_size=4)
    assert sorted(teacher.ids) == sorted(set(examples.ids.tolist()))
    assert len(cached) == 9
    logits = logits_of(cached, examples.ids)
    assert logits.shape == (19, CLASSES)
    assert torch.equal(logits[:9], logits[9:18])
    assert torch.equal(logits[3], logits[18])


# --- refused --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_a_teacher_that_answers_with_no_number_is_refused(tmp_path, value):
    def answer(rows):
        logits = torch.zeros(rows, CLASSES)
        logits[-1, 1] = value
        return logits

    teacher, (examples, view) = Says(answer), texts(range(5))
    with pytest.raises(LimbeckError, match="the teacher answered with NaN or infinity") as caught:
        label(teacher, examples, view, opened(tmp_path, teacher))
    assert caught.value.where == str(tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("answer", "shape"),
    [
        (lambda rows: torch.zeros(rows, CLASSES + 1), "(5, 4)"),
        (lambda rows: torch.zeros(rows - 1, CLASSES), "(4, 3)"),
        (lambda rows: torch.zeros(rows), "(5,)"),
    ],
)
def test_a_teacher_with_other_classes_or_rows_is_refused(tmp_path, answer, shape):
    teacher, (examples, view) = Says(answer), texts(range(5))
    with pytest.raises(LimbeckError) as caught:
        label(teacher, examples, view, opened(tmp_path, teacher))
    assert f"shape {shape}, not (rows, outputs) = (5, 3)" in str(caught.value)


def test_a_view_of_other_rows_is_refused(tmp_path):
    teacher, (examples, _), (_, view) = Counting(), texts(range(5)), texts(range(6))
    with pytest.raises(ValueError, match="the view has 6 rows and the examples have 5"):
        label(teacher, examples, view, opened(tmp_path, teacher))


def test_a_teacher_that_is_not_the_identitys_is_refused(tmp_path):
    teacher, (examples, view) = Counting(), texts(range(5))
    with pytest.raises(ValueError, match=f"names teacher `other`, this one is `{teacher.digest}`"):
        label(teacher, examples, view, opened(tmp_path, teacher, teacher="other"))
    assert not teacher.asked


def test_nothing_to_label_and_no_cache_is_an_error(tmp_path):
    teacher, (examples, view) = Counting(), texts(range(2))
    none = examples.take([])
    empty = type(view)(view.tokens[:0], view.offsets[:1], 0, 0.0)
    nothing = label(teacher, none, empty, opened(tmp_path, teacher))
    with pytest.raises(LimbeckError, match="no answer for 2 of 2 examples; label them first"):
        logits_of(nothing, examples.ids)
    assert not list(tmp_path.iterdir())
