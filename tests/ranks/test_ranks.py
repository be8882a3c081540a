"""One process = two processes: the same weights after the same steps, copied (DDP) or sharded (FSDP2).

The objective has soft targets, also at a temperature that is learned, labels on some rows, and a feature loss with a
trainable projector. Everything is in float64, so that nothing but a wrong divisor, a missing exchange or an unequal
share can make a difference.
"""

from pathlib import Path

import pytest
import torch
from every_loss import SCOPES
from launching import launch
from safetensors.torch import load_file
from worker import NORMED, VARIANTS

from limbeck.losses import CATALOG
from limbeck.losses.transforms import TRANSFORMS

WORKER = Path(__file__).parent / "worker.py"


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    out = tmp_path_factory.mktemp("one")
    launch(1, [str(WORKER), str(out)])
    return out


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    out = tmp_path_factory.mktemp("two")
    launch(2, [str(WORKER), str(out)])
    return out


def end(folder):
    return torch.load(folder / "end.pt", weights_only=True)


def single(name):
    """Return which training in one process has the same weights: an average is another result, a split is none."""
    return "copied, averaged" if "averaged" in name else "copied"


def trainable(folder):
    """Return student, projectors and critics as the last checkpoint holds them."""
    tensors = load_file(folder / "checkpoint.safetensors")
    return {name.removeprefix("model/"): value for name, value in tensors.items() if name.startswith("model/")}


@pytest.mark.parametrize("name", VARIANTS)
def test_two_processes_end_with_the_weights_of_one(one, two, name):
    expected, found = end(one / single(name)), end(two / name)
    torch.testing.assert_close(found["student"], expected["student"], rtol=1e-9, atol=1e-12)
    whole = trainable(one / single(name))
    names = {"projectors.0.weight", "projectors.0.bias", "student.body.weight", "critics.kd_2.raw"}
    assert names <= whole.keys()
    torch.testing.assert_close(trainable(two / name), whole, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", VARIANTS)
def test_the_log_and_the_validations_are_those_of_one_process(one, two, name):
    expected, found = end(one / single(name)), end(two / name)
    assert found["validations"] == pytest.approx(expected["validations"], rel=1e-9)
    assert len(found["log"]) == len(expected["log"]) > 0
    for record, reference in zip(found["log"], expected["log"], strict=True):
        assert record == pytest.approx(reference, rel=1e-6)


@pytest.mark.parametrize("name", [*VARIANTS, *NORMED])
def test_processes_that_were_stopped_go_on_to_the_same_bits(two, name):
    whole, resumed = end(two / name), end(two / f"{name}, resumed")
    assert all(torch.equal(whole["student"][key], resumed["student"][key]) for key in whole["student"])


@pytest.mark.parametrize("name", NORMED)
def test_processes_validate_with_the_same_statistics_of_a_batch_norm(two, name):
    """Else they would keep the weights of different steps, and answer with different networks afterwards."""
    end_of = end(two / name)
    assert all(seen == end_of["validated"][0] for seen in end_of["validated"])
    first, second = end_of["buffers"]
    assert first == second
    assert first["norm.num_batches_tracked"] == 8
    assert any(first["norm.running_mean"])


def test_processes_end_together_at_a_target(two):
    """Where the first one reaches it, whatever the others see."""
    assert end(two / "until")["ended"] == [[4, 4], [4, 4]]


def test_the_threads_of_the_group_end_before_the_interpreter(two):
    """Else one of them ends a few of a hundred finished processes with SIGABRT."""
    assert [(two / f"left-{rank}").read_text() for rank in (0, 1)] == ["", ""]


def test_the_steps_were_real_ones(one):
    """Projector, temperature and student moved: equality of untrained weights would prove nothing."""
    first = end(one / "copied")["log"][0]
    last = end(one / "copied")["log"][-1]
    assert last["fitnet"] < 0.9 * first["fitnet"]
    assert last["loss"] < first["loss"]
    assert abs(last["kd_2_temperature"] - 4) > 0.05


def test_two_processes_label_as_one_does(one, two):
    assert torch.load(one / "counts.pt") == [[60, 60]]
    assert torch.load(two / "counts.pt") == [[32, 60], [28, 60]]
    files = {path.name: path.read_bytes() for path in (one / "cache").iterdir()}
    assert sorted(files) == ["manifest.json", "shard-00003.safetensors"], "three shards became one"
    assert files == {path.name: path.read_bytes() for path in (two / "cache").iterdir()}


@pytest.fixture(scope="module")
def gradients(one, two):
    """Return every loss's gradient by name: in one process whole and in two micro-batches, and in two processes."""
    places = {"whole": one / "whole.pt", "halves": one / "halves.pt", "two": two / "whole.pt"}
    return {title: torch.load(place, weights_only=True) for title, place in places.items()}


def equal(found, expected):
    """Return whether all gradients are those of another training, and some are not 0."""
    assert found.keys() == expected.keys()
    assert any(each.abs().max() > 1e-9 for key, each in expected.items() if key != "mean")
    return all(torch.allclose(found[key], expected[key], rtol=1e-9, atol=1e-12) for key in expected)


@pytest.mark.parametrize("name", [name for name, scope in SCOPES.items() if scope == "prediction"])
def test_two_processes_have_the_gradient_of_one_for_every_loss_of_predictions(gradients, name):
    for split in ("two", "halves"):
        assert equal(gradients[split][name], gradients["whole"][name]), split


@pytest.mark.parametrize("name", [name for name, scope in SCOPES.items() if scope == "batch"])
def test_a_loss_of_a_batch_sees_the_rows_of_one_process_as_those_of_one_micro_batch(gradients, name):
    """Which is another gradient than that of all rows together: its card says so, and the sums still add up."""
    assert equal(gradients["two"][name], gradients["halves"][name])
    assert not equal(gradients["two"][name], gradients["whole"][name])


def test_every_loss_and_transform_is_among_them(gradients):
    functions = {f"kd after {kind}" for kind in TRANSFORMS if kind != "ctkd"}
    assert {*gradients["two"]} == {*CATALOG} | functions == {*SCOPES}
