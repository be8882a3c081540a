"""Answers and activations by token: stored without padding, put back where the live teacher has them."""

import pytest
import torch
from cache_cases import CLASSES, Counting, TokenNet, identity, opened, texts
from torch import nn

from limbeck.cache import CachedTeacher, label
from limbeck.cards import Card
from limbeck.distiller import Distiller
from limbeck.errors import LimbeckError
from limbeck.losses import KD
from limbeck.losses.fitnet import fitnet
from limbeck.losses.term import Term
from limbeck.teachers import ModuleTeacher
from limbeck.types import Batch, Outputs, Predictions, Tap, TapPair, tensors

WORDS = Tap("words", "tokens")


@pytest.fixture
def labelled(tmp_path):
    teacher, (examples, view) = Counting(network=TokenNet, taps=[WORDS]), texts(range(23))
    cache = opened(tmp_path, teacher, taps=(WORDS,))
    return teacher, label(teacher, examples, view, cache, batch_size=4), examples, view


def batch_of(examples, view, rows, *, mask=True, left=False):
    """Return a batch whose student reads the teacher's tokens; its mask counts them."""
    inputs = tensors(view.batch(rows))
    if left:
        inputs = {name: value.flip(1) for name, value in inputs.items()}
    real = inputs["attention_mask"] != 0
    ids = torch.from_numpy(examples.ids[rows])
    return Batch(ids, inputs, mask=real if mask else None, teacher_inputs=inputs)


def test_the_live_answers_come_back_at_real_tokens(labelled):
    teacher, cached, examples, view = labelled
    batch = batch_of(examples, view, [3, 20, 3, 6])
    found, live = cached.predict(batch), teacher.predict(batch)
    assert torch.equal(found.logits[batch.mask], live.logits[batch.mask])
    assert torch.equal(found.features[WORDS.name], live.features[WORDS.name])
    assert not found.logits[~batch.mask].any()


def test_a_mask_says_where_answers_stand(labelled):
    """Here at the end of each row; without a mask they stand at its beginning."""
    _, cached, examples, view = labelled
    rows = [3, 20, 3, 6]
    right, left = batch_of(examples, view, rows), batch_of(examples, view, rows, left=True)
    assert torch.equal(cached.predict(left).logits[left.mask], cached.predict(right).logits[right.mask])
    assert not cached.predict(left).logits[~left.mask].any()
    own = cached.predict(batch_of(examples, view, rows, mask=False, left=True)).logits
    assert torch.equal(own, cached.predict(right).logits)


def test_other_tokens_than_the_teachers_are_refused(labelled):
    _, cached, examples, view = labelled
    batch = batch_of(examples, view, [3, 20])
    fewer = batch.mask.clone()
    fewer[1, 0] = False
    for changed in (Batch(batch.ids, {}, mask=fewer), Batch(batch.ids, {"attention_mask": fewer.long()})):
        with pytest.raises(LimbeckError) as caught:
            cached.predict(changed)
        assert "answered for 7 tokens of an example, and 6 of the student's count; teacher and" in str(caught.value)


def test_answers_in_many_shards_are_put_together_from_all(labelled, tmp_path):
    teacher, one, examples, view = labelled
    many = CachedTeacher(tmp_path / "many", identity(teacher, taps=(WORDS,)))
    for rows in ([4, 20], [3], [6, 0, 11]):
        batch = batch_of(examples, view, rows)
        said = teacher.predict(batch)
        flat = [Predictions.of(value, batch.mask) for value in (said.logits, said.features[WORDS.name])]
        many.add(examples.ids[rows], flat[0], {WORDS.name: flat[1]})
    batch = batch_of(examples, view, [11, 3, 20, 3, 0, 4])
    for cache in (many, CachedTeacher(tmp_path / "many", identity(teacher, taps=(WORDS,)))):
        ours, theirs = cache.predict(batch), one.predict(batch)
        torch.testing.assert_close(ours.logits, theirs.logits, rtol=0, atol=1e-5)  # asked in other batches
        assert torch.equal(ours.features[WORDS.name], theirs.features[WORDS.name])
        cache.seal()
    assert len(list((tmp_path / "many").glob("shard-*"))) == 1


def test_a_cache_of_one_answer_an_example_takes_no_answers_by_token(tmp_path):
    teacher, cache = Counting(), None
    cache = opened(tmp_path, teacher)
    label(teacher, *texts(range(5)), cache)
    tokens = Counting(network=TokenNet, digest=teacher.digest)
    with pytest.raises(LimbeckError, match="another form than those of the cache: only one of them has `offsets`"):
        label(tokens, *texts(range(9)), cache)


def test_a_teacher_of_other_tokens_than_its_mask_is_refused(tmp_path):
    class Fewer(TokenNet):
        def forward(self, input_ids, attention_mask):
            return super().forward(input_ids, attention_mask)[:, 1:]

    teacher = Counting(digest="fewer", network=Fewer)
    with pytest.raises(
        LimbeckError, match=r"the teacher's logits: values for \(5, 4\) tokens, and the mask is \(5, 5\)"
    ):
        label(ModuleTeacher(Fewer(), "fewer"), *texts(range(5)), opened(tmp_path, teacher))


# --- a student learns from it ---------------------------------------------------------------------------------------


def compared(shape):
    """Return a term that compares activations of a shape: `fitnet`, by another card."""
    facts = dict.fromkeys(Card.__dataclass_fields__, "") | {"needs": ("taps",), "tap": shape, "defaults": {}}
    return Term(fitnet, {}, Card(**facts), TapPair("words", "words", shape))


def gradient(teacher, batch, objective):
    torch.manual_seed(3)
    distiller = Distiller(TokenNet(), objective, teacher, example=batch)
    sums, counts = distiller.step(batch), distiller.counts(batch)
    sum(value / counts[name] for name, value in sums.items()).backward()
    return counts, [value.grad for value in distiller.trainable.parameters()]


def test_a_student_of_tokens_learns_from_the_cache_what_it_learns_from_the_teacher(labelled):
    teacher, cached, examples, view = labelled
    batch = batch_of(examples, view, [3, 20, 8, 6])
    objective = 0.5 * KD(temperature=2) + 0.1 * compared("tokens")
    (ours, found), (theirs, live) = (gradient(each, batch, objective) for each in (cached, teacher))
    assert set(ours.values()) == set(theirs.values()) == {int(batch.mask.sum())}
    assert any(value is not None and value.abs().max() > 0 for value in found)
    for one, other in zip(found, live, strict=True):
        torch.testing.assert_close(one, other)


class Classifier(nn.Module):
    """One answer an example, of a network that has states of tokens."""

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(50, 6)
        self.head = nn.Linear(6, CLASSES)

    def forward(self, input_ids, attention_mask):
        return self.head(self.words(input_ids).mean(1))


def test_tokens_are_compared_where_an_example_has_one_answer(tmp_path):
    """Which count is known before the forward pass: the real tokens of examples that count."""
    live, (examples, view) = Counting(taps=[WORDS]), texts(range(23))
    cached = label(live, examples, view, opened(tmp_path, live, taps=(WORDS,)), batch_size=4)
    batch, some = batch_of(examples, view, [3, 20, 8], mask=False), torch.tensor([True, False, True])
    batch = Batch(batch.ids, batch.student_inputs, mask=some)
    distiller = Distiller(Classifier(), 1.0 * compared("tokens"), cached, example=batch)
    real = (batch.student_inputs["attention_mask"] != 0) & some[:, None]
    assert list(distiller.counts(batch).values()) == [int(real.sum())] == [4 + 2]
    (own,) = distiller.trainable(**batch.student_inputs)[1].values()
    expected = (own - cached.predict(batch).features[WORDS.name]).square().sum(-1) / 2
    (total,) = distiller.step(batch).values()
    assert total.item() == pytest.approx(expected[real].sum().item(), rel=1e-5)


def test_a_student_that_cannot_say_which_tokens_are_real_is_refused():
    batch = Batch(torch.arange(2), {"x": torch.zeros(2, 3)})
    with pytest.raises(LimbeckError, match="the student reads no `attention_mask`; give it one"):
        compared("tokens").count(batch)


def test_teacher_and_student_that_cut_a_text_differently_are_refused():
    masks = torch.tensor([[1, 1, 1], [1, 1, 0]]), torch.tensor([[1, 1, 0], [1, 1, 0]])
    batch = Batch(torch.arange(2), {"attention_mask": masks[0]}, teacher_inputs={"attention_mask": masks[1]})
    with pytest.raises(LimbeckError, match="teacher and student read an example as different ones; give both the same"):
        compared("tokens").count(batch)
    batch = Batch(torch.arange(2), {"attention_mask": masks[0]})
    features = {"words -> words (tokens)": torch.zeros(2, 3, 4), "words (tokens)": torch.zeros(2, 2, 4)}
    said = Outputs(torch.zeros(2, CLASSES), features)
    with pytest.raises(LimbeckError, match=r"at \(2, 3\) places, and the student has \(2, 3\), the teacher \(2, 2\)"):
        compared("tokens").sum(said, said, batch)


def test_one_vector_an_example_needs_no_equal_tokens():
    masks = torch.tensor([[1, 1, 1], [1, 1, 0]]), torch.tensor([[1, 1], [1, 0]])
    batch = Batch(torch.arange(2), {"attention_mask": masks[0]}, teacher_inputs={"attention_mask": masks[1]})
    assert compared("vector").count(batch) == 2
