"""Offsets that bring mean probabilities to the shares of the training labels."""

import numpy as np
import pytest

from limbeck.data import DataOptions
from limbeck.errors import LimbeckError
from limbeck.evaluation import fit_offsets
from limbeck.runtime.decisions import RULES, softmax
from limbeck.tasks import ClassificationSettings
from made_rows import labels_of

NAMES = ("a", "b", "c")
CELLS = [*"a" * 5, *"b" * 3, *"c" * 2]


def logits(rows: int = 400, scale: float = 3.0) -> np.ndarray:
    return (scale * np.random.default_rng(0).normal(size=(rows, 3))).astype(np.float32)


def learn(**settings):
    return ClassificationSettings(**settings).learn(CELLS, None, DataOptions(source="made"), "made")


@pytest.mark.parametrize("prior", [(0.5, 0.3, 0.2), (0.01, 0.01, 0.98), (1 / 3, 1 / 3, 1 / 3)])
@pytest.mark.parametrize("scale", [0.1, 3.0, 30.0])
def test_mean_probabilities_are_the_prior(prior, scale):
    found = fit_offsets(logits(scale=scale), prior)
    means = softmax((logits(scale=scale) + np.array(found)).astype(np.float64)).mean(axis=0)
    assert means == pytest.approx(prior, abs=1e-5)
    assert sum(found) == pytest.approx(0, abs=1e-9)


def test_a_bias_that_was_lowered_is_found_again():
    """A network that never saw the third class answers it 7.6 nats too low."""
    lowered = np.array([0.0, 0.0, -7.6])
    prior = softmax(logits().astype(np.float64)).mean(axis=0)
    found = fit_offsets(logits() + lowered, prior.tolist())
    assert found == pytest.approx(lowered.mean() - lowered, abs=1e-3)


def test_the_sheet_holds_the_moved_logits_and_labels_do_not_count():
    plain, asked = learn(), learn(correct_prior=True)
    assert (plain.fits_decision, asked.fits_decision) == (False, True)
    assert asked.prior == pytest.approx((0.5, 0.3, 0.2))
    assert plain.digest == asked.digest, "nothing is trained anew"
    one, other = (asked.decide(logits(), labels_of(np.full(400, label))) for label in (0, 2))
    assert one.offsets == other.offsets
    assert plain.decide(logits(), labels_of(np.zeros(400))) is plain
    sheet = one.sheet(logits(), labels_of(np.zeros(400)))
    assert sheet["logits"] == pytest.approx(logits() + np.array(one.offsets, np.float32))
    assert (sheet["decided"] == sheet["logits"].argmax(axis=1)).all()
    assert (sheet["decided"] != plain.sheet(logits(), labels_of(np.zeros(400)))["decided"]).any()


def test_the_bundle_answers_as_the_student_was_judged():
    task = learn(correct_prior=True).decide(logits(), labels_of(np.zeros(400)))
    judged = task.sheet(logits(), labels_of(np.zeros(400)))
    for served in (task, ClassificationSettings().served(NAMES, task.decision)):
        rule = RULES["classification"](served.decision)
        said = rule.answers(logits(), NAMES)
        assert [one.label for one in said] == [NAMES[row] for row in judged["decided"]]
        assert [one.probability for one in said] == pytest.approx(softmax(judged["logits"]).max(axis=1))
        assert served.sheet(logits(), labels_of(np.zeros(400)))["logits"].tolist() == judged["logits"].tolist()
    plain = RULES["classification"]({})
    zero = np.zeros((1, 3), np.float32)
    third = zero + np.array([0, 0, 1], np.float32)
    assert (plain.differ(zero, third).all(), rule.differ(zero, third).any()) == (True, False)
    assert (plain.clear(zero).any(), rule.clear(zero).all()) == (False, True)


@pytest.mark.parametrize("offsets", [[0.0, float("nan"), 0.0], [0.0, "x", 0.0]])
def test_offsets_that_are_none_are_refused(offsets):
    with pytest.raises(ValueError, match=r"offset|float"):
        RULES["classification"]({"offsets": offsets})


def test_so_many_offsets_as_classes():
    with pytest.raises(ValueError, match="2 offsets for 3 classes"):
        RULES["classification"]({"offsets": [0.0, 1.0]}).answers(logits(), NAMES)


def test_a_loader_has_no_shares():
    with pytest.raises(LimbeckError, match="does not say the shares"):
        ClassificationSettings(correct_prior=True).numbered(NAMES, DataOptions(source="made"))
