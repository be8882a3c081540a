"""`until`: the level on validation at which a training ends."""

import pytest
from trainer_cases import Scores, same, student, train, weights

NLLS, ACCURACIES = [0.9, 0.5, 0.7, 0.6], [0.5, 0.6, 0.7, 0.8]


@pytest.mark.parametrize("keep", ["best", "last"])
def test_training_ends_at_the_target_and_keeps_the_weights_that_reached_it(keep):
    network, scores = student(), Scores(NLLS, ACCURACIES)
    history = train(network, steps=8, validations=4, validate=scores, keep=keep, until=0.7)
    assert (history.done, history.steps, history.reached_step) == (6, 8, 6)
    assert (history.best_step, history.best) == (6, [-0.7])
    assert len(scores.seen) == len(history.validations) == 3
    assert same(weights(network), scores.seen[2])


def test_up_to_the_target_every_step_is_that_of_the_whole_training():
    """Its learning rate and its weights: the schedule is that of the planned steps."""
    whole, scores = Scores(NLLS, ACCURACIES), Scores(NLLS, ACCURACIES)
    planned = train(student(), steps=8, validations=4, validate=whole)
    history = train(student(), steps=8, validations=4, validate=scores, until=0.7)
    assert history.log == planned.log[:6]
    assert all(same(one, two) for one, two in zip(scores.seen, whole.seen, strict=False))


def test_a_target_that_is_not_reached_changes_nothing():
    network, other = student(), student()
    history = train(network, steps=8, validations=4, validate=Scores(NLLS, ACCURACIES), until=0.81)
    planned = train(other, steps=8, validations=4, validate=Scores(NLLS, ACCURACIES))
    assert history.reached_step is None
    assert (history.done, history.best_step) == (planned.done, planned.best_step) == (8, 4)
    assert same(weights(network), weights(other))


def test_patience_may_end_before_the_target():
    scores = Scores([0.1, 0.2, 0.3, 0.4], ACCURACIES)
    history = train(student(), steps=8, validations=4, validate=scores, patience=2, until=0.8)
    assert (history.done, history.reached_step) == (6, None)


@pytest.mark.parametrize(("wanted", "reached"), [(0.9 * 0.8, 4), (0.7201, None), (0.72, 4), (0.5, 4), (0.4, 2)])
def test_rounding_does_not_hide_that_a_target_is_reached(wanted, reached):
    assert 0.9 * 0.8 > 72 / 100
    scores = Scores([1.0, 1.0], [0.49, 72 / 100])
    assert train(student(), steps=4, validations=2, validate=scores, until=wanted).reached_step == reached
