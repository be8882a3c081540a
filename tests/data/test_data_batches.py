"""Training batches: who is in them, how often, in what company, and how much of them is padding."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from data_cases import examples_of, view_of

from limbeck.data.batches import Batches
from limbeck.errors import LimbeckError
from limbeck.modalities.text import TextReads
from limbeck.modalities.text.reads import build_reader

IMDB = Path(__file__).parents[3] / "shared/data/imdb/train.parquet"


def lengths_like_imdb(rows, seed=0, longest=256):
    """Draw text lengths from a log-normal with the median of film reviews."""
    drawn = np.random.default_rng(seed).lognormal(np.log(180), 0.6, rows)
    return np.clip(drawn.astype(int), 5, longest)


def batches_of(rows, labelled, *, lengths=None, batch_size=8, labelled_per_batch=2, seed=0, **parts):
    view = view_of(lengths_like_imdb(rows) if lengths is None else lengths)
    return Batches(
        examples_of(rows, labelled),
        view,
        batch_size=batch_size,
        labelled_per_batch=labelled_per_batch,
        seed=seed,
        **parts,
    )


def drawn(batches, steps):
    return [batches.rows(step).tolist() for step in range(steps)]


def padding(batches, view, steps):
    """Return the share of a batch's tokens that are padding."""
    real = total = 0
    for step in range(steps):
        lengths = view.lengths[batches.rows(step)]
        real, total = real + lengths.sum(), total + lengths.max() * len(lengths)
    return 1 - real / total


# --- order ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rows", "labelled"), [(600, 600), (3000, 40), (5, 5)])
def test_a_batch_depends_on_seed_and_step_alone(rows, labelled):
    forward = drawn(batches_of(rows, labelled), 300)
    jumping = batches_of(rows, labelled)
    for step in np.random.default_rng(0).permutation(300)[:60]:
        assert jumping.rows(int(step)).tolist() == forward[step]
    assert drawn(batches_of(rows, labelled, seed=1), 300) != forward


@pytest.mark.parametrize(("rows", "labelled", "steps"), [(48, 48, 6), (48, 0, 6), (48, 12, 6), (1536, 1536, 192)])
def test_every_row_is_seen_once_an_epoch(rows, labelled, steps):
    batches = batches_of(rows, labelled)
    for epoch in range(3):
        seen = Counter(row for step in range(steps) for row in batches.rows(epoch * steps + step).tolist())
        assert seen == Counter(range(rows))


@pytest.mark.parametrize(("rows", "batch_size"), [(50, 8), (1000, 16), (5000, 64)])
def test_epochs_that_are_no_multiple_of_a_batch_follow_each_other(rows, batch_size):
    batches = batches_of(rows, rows, batch_size=batch_size)
    window = max(1, min(64, rows // batch_size))
    seen = Counter()
    for step in range(4 * window):
        seen.update(batches.rows(step).tolist())
        if (step + 1) % window == 0:
            counts = [seen[row] for row in range(rows)]
            assert max(counts) - min(counts) <= 1


def test_labelled_rows_start_again_while_unlabelled_ones_go_on():
    batches = batches_of(512 * 6, 64, lengths=np.full(512 * 6, 9), batch_size=8, labelled_per_batch=2)
    seen = Counter(row for step in range(64) for row in batches.rows(step).tolist())
    assert {seen[row] for row in range(64)} == {2}
    assert {seen[row] for row in range(64, 512 * 6)} == {0, 1}


@pytest.mark.parametrize(("rows", "labelled", "batch_size"), [(500, 500, 16), (500, 500, 32), (8000, 100, 64)])
def test_copies_of_a_row_do_not_share_a_batch(rows, labelled, batch_size):
    """The epochs of a window were sorted together: of 32 rows in a batch, 16 were copies of the others."""
    batches = batches_of(rows, labelled, batch_size=batch_size, labelled_per_batch=8)
    copies = [len(batch) - len(set(batch)) for batch in drawn(batches, 256)]
    assert sum(copies) / (256 * batch_size) < 0.01


def test_company_changes_from_epoch_to_epoch():
    batches = batches_of(4096, 4096)
    epochs = [{frozenset(batches.rows(epoch * 512 + step).tolist()) for step in range(512)} for epoch in range(2)]
    assert not epochs[0] & epochs[1]


# --- composition ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("labelled_per_batch", [0, 1, 5, 8])
def test_labelled_share_is_exact_in_every_batch(labelled_per_batch):
    batches = batches_of(400, 50, labelled_per_batch=labelled_per_batch)
    for step in range(130):
        [batch] = batches.group(step)
        assert len(batch.ids) == 8
        assert int(batch.labelled.sum()) == labelled_per_batch
        assert (batch.labelled == (batch.ids < 50)).all()


@pytest.mark.parametrize("labelled", [0, 100])
def test_sets_of_one_kind_ignore_the_share(labelled):
    for step in range(30):
        [batch] = batches_of(100, labelled).group(step)
        assert batch.labelled.tolist() == [labelled > 0] * 8


def test_a_share_above_the_batch_size_is_the_whole_batch():
    [batch] = batches_of(100, 50, labelled_per_batch=99).group(0)
    assert batch.labelled.tolist() == [True] * 8


@pytest.mark.parametrize(("rows", "labelled"), [(5, 5), (5, 0), (5, 1), (3, 2), (1, 1)])
def test_batch_larger_than_the_data(rows, labelled):
    batches = batches_of(rows, labelled, batch_size=16, labelled_per_batch=4)
    seen = Counter()
    for step in range(20):
        assert len(batches.rows(step)) == 16
        seen.update(batches.rows(step).tolist())
    for part in (range(labelled), range(labelled, rows)):
        counts = [seen[row] for row in part]
        assert not counts or max(counts) - min(counts) <= 1


def test_a_batch_holds_what_the_rows_hold():
    examples, student, teacher = examples_of(40, 10), view_of(np.arange(1, 41)), view_of(np.full(40, 3))
    batches = Batches(examples, student, teacher=teacher, batch_size=8, labelled_per_batch=2, seed=0)
    rows = batches.rows(3)
    [batch] = batches.group(3)
    assert batch.ids.tolist() == examples.ids[rows].tolist()
    assert batch.labels.tolist() == examples.labels.values[rows].tolist()
    assert batch.labelled.tolist() == examples.labels.present[rows].tolist()
    assert batch.student_inputs["input_ids"].tolist() == student.batch(rows)["input_ids"].tolist()
    assert batch.teacher_inputs["input_ids"].tolist() == teacher.batch(rows)["input_ids"].tolist()


@pytest.mark.parametrize("accumulate", [2, 3, 8])
def test_micro_batches_are_a_partition_of_the_batch(accumulate):
    whole, split = batches_of(100, 30), batches_of(100, 30, accumulate=accumulate)
    for step in range(20):
        [batch] = whole.group(step)
        parts = list(split.group(step))
        assert len(parts) == accumulate
        assert [row for part in parts for row in part.ids.tolist()] == batch.ids.tolist()
        assert [label for part in parts for label in part.labels.tolist()] == batch.labels.tolist()


@pytest.mark.parametrize(("accumulate", "world"), [(1, 2), (3, 2), (2, 4), (1, 8)])
def test_processes_share_a_batch_and_make_equally_many_passes(accumulate, world):
    whole = batches_of(100, 30)
    shares = [batches_of(100, 30, accumulate=accumulate, world=world, rank=rank) for rank in range(world)]
    for step in range(20):
        [batch] = whole.group(step)
        groups = [list(share.group(step)) for share in shares]
        assert [len(group) for group in groups] == [accumulate] * world
        assert all(len(part.ids) for group in groups for part in group)
        rows = sorted(row for group in groups for part in group for row in part.ids.tolist())
        assert rows == sorted(batch.ids.tolist())


def test_a_batch_with_fewer_rows_than_parts_is_refused():
    with pytest.raises(LimbeckError, match="a batch of 8 rows cannot be split into 3 x 3 parts; at least 9"):
        batches_of(100, 30, accumulate=3, world=3)


# --- padding -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "labelled", "batch_size", "labelled_per_batch"),
    [(25_000, 25_000, 64, 0), (1000, 1000, 16, 0), (20_000, 1000, 64, 32), (2000, 1000, 64, 32), (8000, 500, 64, 8)],
)
def test_padding_is_under_five_percent_at_the_lengths_of_imdb(rows, labelled, batch_size, labelled_per_batch):
    lengths = lengths_like_imdb(rows)
    batches = batches_of(rows, labelled, lengths=lengths, batch_size=batch_size, labelled_per_batch=labelled_per_batch)
    assert padding(batches, view_of(lengths), 200) < 0.05


@pytest.fixture(scope="module")
def reviews():
    """2,000 film reviews in word tokens."""
    if not IMDB.is_file():
        pytest.skip("needs ../shared/data/imdb, a copy of the IMDB reviews for development")
    import pyarrow.parquet as pq

    texts = next(pq.ParquetFile(IMDB).iter_batches(2000, columns=["text"])).to_pydict()["text"]
    return build_reader(TextReads(max_length=256), texts).encode(texts)


@pytest.mark.parametrize("labelled", [2000, 500])
def test_padding_is_under_five_percent_on_imdb(reviews, labelled):
    batches = Batches(examples_of(2000, labelled), reviews, batch_size=64, labelled_per_batch=32, seed=0)
    assert padding(batches, reviews, 200) < 0.05
