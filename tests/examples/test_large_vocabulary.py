"""The loop over a large vocabulary is the plain one, without its logits."""

import torch
from example_files import load

from largest import Largest
from limbeck.losses import cross_entropy, kd

example = load("large_vocabulary")


def networks():
    teacher = example.LanguageModel(width=64, seed=0).eval().requires_grad_(False)
    return example.LanguageModel(width=16, seed=1), teacher


def plain(student, teacher, labels):
    """What one would write without chunks."""
    real = labels != example.PADDING
    soft = kd(student.dense, teacher.dense, temperature=2.0, mask=real).sum() / real.sum()
    return soft, cross_entropy(student.dense, labels, mask=real).sum() / real.sum()


def learned(losses):
    student, teacher = networks()
    words, labels = example.draw(0)
    with Largest() as largest:
        soft, hard = losses(student(words), teacher(words), labels)
        (0.5 * soft + 0.5 * hard).backward()
    gradients = {name: part.grad for name, part in student.named_parameters()}
    return (soft.detach(), hard.detach(), gradients), largest.numbers


def test_losses_and_gradients_are_those_of_all_logits_at_once():
    chunks, all_at_once = learned(example.losses), learned(plain)
    torch.testing.assert_close(chunks[0], all_at_once[0], rtol=1e-4, atol=1e-6)
    assert all(part.any() for part in chunks[0][2].values())


def test_the_logits_of_a_batch_are_never_in_memory():
    whole = example.ROWS * example.WORDS * example.VOCABULARY
    assert learned(plain)[1] == whole
    assert learned(example.losses)[1] <= 64 * example.VOCABULARY < whole / 2


def test_it_learns():
    losses = example.main()
    assert len(losses) == example.STEPS
    assert losses[-1] < 0.6 * losses[0]


def test_some_places_are_padding():
    _, labels = example.draw(0)
    assert 0 < (labels == example.PADDING).sum() < 0.7 * labels.numel()
