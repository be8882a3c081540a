"""A training that was killed ends with the same bits as one that never was."""

from dataclasses import asdict

import pytest
import torch
from safetensors import SafetensorError, safe_open
from trainer_cases import Rows, same, student, teacher, train, weights

from limbeck import checkpoint as checkpoints, trainer
from limbeck.errors import LimbeckError
from limbeck.losses import KD, CrossEntropy, Linear as Ramp

STEPS, VALIDATIONS = 20, 5
NLLS = [0.9, 0.6, 0.8, 0.5, 0.7]
ACCURACIES = [0.5, 0.6, 0.7, 0.6, 0.9]


class Killed(BaseException):
    """What no handler for errors may catch."""


class Validation:
    """Gives the scores in their order, from the one numbered `start`; kills the training at one of them."""

    def __init__(self, die_at, start):
        self.count, self.die_at = start, die_at

    def __call__(self, model):
        if self.count == self.die_at:
            raise Killed
        self.count += 1
        torch.rand(3)  # a validation may draw random numbers
        nll, accuracy = NLLS[self.count - 1], ACCURACIES[self.count - 1]
        return trainer.Validated({"calibrated_nll": nll, "accuracy": accuracy}, [-nll], accuracy)


@pytest.fixture(autouse=True)
def _save_at_every_validation(monkeypatch):
    monkeypatch.setattr(trainer, "CHECKPOINT_EVERY_S", -1)


def run(path, *, seed=0, die_at=None, start=0, source=None, owner="me", **options):
    network = student(seed, dropout=0.4)
    torch.manual_seed(seed + 1)
    objective = Ramp(start=0.9, end=0.1) * KD(temperature=2) + Ramp(start=0.1, end=0.9) * CrossEntropy()
    validate = Validation(die_at, start)
    arguments = {"steps": STEPS, "validations": VALIDATIONS, "warmup": 0.3, "weight_decay": 0.1} | options
    with torch.random.fork_rng():
        asked = teacher()
    history = train(
        network, source, objective=objective, asked=asked, validate=validate, checkpoint=path, owner=owner, **arguments
    )
    return weights(network), asdict(history) | {"seconds": None}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "arm" / "checkpoint.safetensors"


@pytest.fixture(scope="module")
def unbroken():
    return run(None)


@pytest.mark.parametrize("die_at", range(1, VALIDATIONS))
def test_killed_at_any_validation(path, unbroken, die_at):
    with pytest.raises(Killed):
        run(path, die_at=die_at)
    # Another initialisation and another random state: all of it must come from the file.
    network, history = run(path, seed=50, start=die_at)
    assert same(network, unbroken[0])
    assert history == unbroken[1]
    assert history["best_step"] == 16


@pytest.mark.parametrize("die_at", [1, 3])
def test_the_average_of_the_weights_goes_on_where_it_was(path, die_at, unbroken):
    whole = run(None, average=0.9)
    with pytest.raises(Killed):
        run(path, die_at=die_at, average=0.9)
    network, history = run(path, seed=50, start=die_at, average=0.9)
    assert same(network, whole[0])
    assert not same(network, unbroken[0])
    assert history == whole[1]


def test_killed_again_and_again(path, unbroken):
    for die_at in range(1, VALIDATIONS):
        with pytest.raises(Killed):
            run(path, seed=50 * (die_at > 1), die_at=die_at, start=die_at - 1)
    network, history = run(path, seed=50, start=4)
    assert same(network, unbroken[0])
    assert history == unbroken[1]


def test_killed_before_the_first_checkpoint(path, unbroken):
    with pytest.raises(Killed):
        run(path, die_at=0)
    assert not path.exists()
    assert same(run(path)[0], unbroken[0])


class DyingRows(Rows):
    def group(self, step):
        if step == 11:
            raise Killed
        return super().group(step)


def test_killed_between_two_checkpoints(path, unbroken):
    with pytest.raises(Killed):
        run(path, source=DyingRows())
    network, history = run(path, seed=50, start=2)
    assert same(network, unbroken[0])
    assert history == unbroken[1]


def test_killed_after_the_last_step(path, unbroken):
    run(path)
    network, history = run(path, seed=50, start=VALIDATIONS)
    assert same(network, unbroken[0])
    assert history == unbroken[1]


def test_patience_counts_on_after_a_restart(path):
    whole = run(None, patience=1)
    assert whole[1]["done"] == 12
    with pytest.raises(Killed):
        run(path, die_at=2, patience=1)
    network, history = run(path, seed=50, start=2, patience=1)
    assert same(network, whole[0])
    assert history == whole[1]
    assert run(path, seed=60, start=3, patience=1)[1] == whole[1]


@pytest.mark.parametrize("die_at", [1, 2])
def test_a_target_is_reached_after_a_restart(path, die_at):
    whole = run(None, until=0.7)
    assert (whole[1]["done"], whole[1]["reached_step"], whole[1]["best_step"]) == (12, 12, 12)
    with pytest.raises(Killed):
        run(path, die_at=die_at, until=0.7)
    network, history = run(path, seed=50, start=die_at, until=0.7)
    assert same(network, whole[0])
    assert history == whole[1]


def test_killed_after_the_target_was_reached(path):
    """The checkpoint says so: no step is taken and nothing is validated again."""
    whole = run(path, until=0.7)
    network, history = run(path, seed=50, start=3, until=0.7)
    assert same(network, whole[0])
    assert history == whole[1]


@pytest.mark.parametrize("change", [{"owner": "somebody else"}, {"steps": 24}, {"lr": 0.5}, {"until": 0.7}])
def test_the_checkpoint_of_another_training_is_removed_and_the_training_starts_anew(path, change):
    with pytest.raises(Killed):
        run(path, die_at=3)
    options = {"owner": "me"} | change
    fresh = run(None, **options)
    with pytest.raises(Killed):
        run(path, **options, die_at=0)
    assert not path.exists()
    with pytest.raises(Killed):
        run(path, die_at=3)
    network, history = run(path, **options)
    assert same(network, fresh[0])
    assert history == fresh[1]


def _cut(path):
    path.write_bytes(path.read_bytes()[:-100])


def _nonsense(path):
    path.write_bytes(b"this is no checkpoint at all")


def _empty(path):
    path.write_bytes(b"")


def _foreign_file(path):
    checkpoints.save_file({"weight": torch.ones(2)}, str(path))


def _flipped_bit(path):
    content = bytearray(path.read_bytes())
    content[-7] ^= 1  # in a weight: to safetensors, as good as any other
    path.write_bytes(content)


def _another_history(path):
    path.write_bytes(path.read_bytes().replace(b'best_step\\": 8', b'best_step\\": 4'))


def _without(part):
    def damage(path):
        with safe_open(str(path), framework="pt") as file:
            about = file.metadata()
            tensors = {key: file.get_tensor(key) for key in file.keys() if not key.startswith(part)}  # noqa: SIM118
        checkpoints.save_file(tensors, str(path), metadata=about)

    damage.__name__ = f"without_{part}"
    return damage


@pytest.mark.parametrize(
    "damage",
    [
        _cut,
        _flipped_bit,
        _another_history,
        _nonsense,
        _empty,
        _foreign_file,
        _without("model/student.body"),
        _without("rng/0/cpu"),
    ],
    ids=lambda f: f.__name__,
)
def test_a_damaged_checkpoint_is_one_clear_error(path, damage):
    with pytest.raises(Killed):
        run(path, die_at=2)
    before = path.read_bytes()
    damage(path)
    assert path.read_bytes() != before
    with pytest.raises(LimbeckError, match=r"the checkpoint is damaged .*; delete it and run again") as caught:
        run(path)
    assert caught.value.where == str(path)
    assert "\n" not in str(caught.value)


def test_a_checkpoint_that_cannot_be_written_leaves_the_one_before(path, unbroken, monkeypatch):
    with pytest.raises(Killed):
        run(path, die_at=2)
    before = path.read_bytes()

    def full_disk(tensors, name, metadata):
        with open(name, "wb") as file:
            file.write(b"half of i")
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "save_file", full_disk)
        with pytest.raises(LimbeckError, match=r"cannot be written \(No space left on device\); make room"):
            run(path, seed=50, start=2)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert same(run(path, seed=50, start=2)[0], unbroken[0])


def test_a_checkpoint_holds_the_student_and_nothing_of_the_teacher(path):
    run(path)
    with safe_open(str(path), framework="pt") as file:
        names = {key.split("/", 1)[1] for key in file.keys() if key.startswith("model/")}  # noqa: SIM118
        parts = {key.split("/")[0] for key in file.keys()}  # noqa: SIM118
    assert names == {f"student.{name}" for name in student().state_dict()}
    assert parts == {"model", "best", "optimizer", "rng"}


@pytest.mark.parametrize("keep", ["best", "last"])
def test_killed_between_validations_that_are_far_apart(path, monkeypatch, keep):
    monkeypatch.setattr(trainer, "CHECKPOINT_BETWEEN_S", -1)
    asked = []

    class Few(DyingRows):
        def group(self, step):
            asked.append(step)
            return Rows().group(step) if len(asked) > 12 else super().group(step)

    options = {"validations": 1, "keep": keep}
    unbroken = run(None, **options)
    with pytest.raises(Killed):
        run(path, source=Few(), **options)
    network, history = run(path, seed=50, source=Few(), **options)
    assert asked == list(range(12)) + list(range(11, STEPS))
    assert same(network, unbroken[0])
    assert history == unbroken[1]


def test_a_checkpoint_is_saved_no_more_often_than_it_should(path, monkeypatch):
    monkeypatch.setattr(trainer, "CHECKPOINT_EVERY_S", 1e9)
    run(path)
    assert not path.exists()
