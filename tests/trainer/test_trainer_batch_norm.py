"""Networks with batch norm: what their statistics are of, and that a killed training goes on with them."""

import pytest
import torch
from safetensors import safe_open
from torch import nn
from trainer_cases import CLASSES, same, train, weights

from limbeck import trainer
from limbeck.losses import CrossEntropy
from limbeck.models import ConvNetSettings, build_model
from limbeck.runtime.readers.image import ImageForm
from limbeck.taps import Trainable
from limbeck.types import Batch
from limbeck.update import parameter_groups

FORM = ImageForm.of(6, 6, 3, (0.5,) * 3, (0.25,) * 3)
STEPS, VALIDATIONS = 8, 4


class Killed(BaseException):
    """What no handler for errors may catch."""


class Images:
    """A source of groups: random images a step, cut into micro-batches of given sizes."""

    def __init__(self, sizes=(9,)):
        self.sizes = sizes

    def group(self, step):
        draw = torch.Generator().manual_seed(step)
        for size in self.sizes:
            pixels = torch.randint(0, 256, (size, 6, 6, 3), generator=draw, dtype=torch.uint8)
            labels = torch.randint(0, CLASSES, (size,), generator=draw)
            yield Batch(ids=torch.arange(size), student_inputs={"pixels": pixels}, labels=labels)


def convnet(seed=0):
    torch.manual_seed(seed)
    return build_model(ConvNetSettings(width=3), outputs=CLASSES, form=FORM)


def run(path=None, *, seed=0, die_at=None, source=None, average=None, network=None):
    network, count = network or convnet(seed), 0

    def validate(model):
        nonlocal count
        count += 1
        if count == die_at:
            raise Killed
        return trainer.Validated({"calibrated_nll": 1.0}, [-1.0])

    train(
        network, source or Images(), objective=1.0 * CrossEntropy(), steps=STEPS, validations=VALIDATIONS, keep="last",
        checkpoint=path, validate=validate, owner="me", average=average,
    )  # fmt: skip
    return network


@pytest.mark.parametrize("average", [None, 0.4])
def test_a_killed_training_goes_on_with_its_running_statistics(tmp_path, monkeypatch, average):
    monkeypatch.setattr(trainer, "CHECKPOINT_EVERY_S", -1)
    whole, path = run(average=average), tmp_path / "checkpoint.safetensors"
    with pytest.raises(Killed):
        run(path, die_at=3, average=average)
    with safe_open(str(path), framework="pt") as file:
        held = {key.removeprefix("model/student.") for key in file.keys() if key.startswith("model/")}  # noqa: SIM118
    assert held == weights(whole).keys()
    # Another initialisation, whose statistics are those of a new network: all of them must come from the file.
    assert same(weights(run(path, seed=50, average=average)), weights(whole))
    assert int(whole.stages[0][1].num_batches_tracked) == STEPS


def test_validation_leaves_the_statistics_as_they_are():
    """A score must not depend on how often it was asked for."""
    network = convnet()

    def validate(model):
        assert not any(module.training for module in model.modules())
        before = weights(model)
        model(pixels=torch.zeros(5, 6, 6, 3, dtype=torch.uint8))
        assert same(weights(model), before)
        return trainer.Validated({"calibrated_nll": 1.0}, [-1.0])

    train(network, Images(), objective=1.0 * CrossEntropy(), validate=validate)
    assert any(not torch.equal(module.running_mean, torch.zeros_like(module.running_mean)) for module in norms(network))


def norms(network):
    return [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]


@pytest.mark.parametrize("sizes", [(4, 5), (8, 1), (1,)])
def test_it_normalises_by_the_micro_batch(sizes):
    """However a batch was split; even a micro-batch of one image trains."""
    network = run(source=Images(sizes))
    assert all(value.isfinite().all() for value in weights(network).values())
    assert int(norms(network)[0].num_batches_tracked) == STEPS * len(sizes)


def test_its_scales_are_not_decayed():
    """As those of a layer norm: weight decay is for what multiplies, see `_groups`."""
    network = convnet()
    groups = parameter_groups(Trainable(network), trainer.TrainSettings(weight_decay=0.1))
    decayed = {id(parameter) for group in groups if group["weight_decay"] for parameter in group["params"]}
    assert decayed.isdisjoint(id(parameter) for norm in norms(network) for parameter in norm.parameters())
    assert decayed >= {id(stage[0].weight) for stage in network.stages}


def test_statistics_are_averaged_as_the_weights_are():
    """Averaged weights under the statistics of the last batches are a network that nobody trained."""
    network, seen = convnet(), []
    first = norms(network)[0]
    first.register_forward_pre_hook(lambda module, inputs: module.training and seen.append(inputs[0].mean((0, 2, 3))))
    run(network=network, average=0.4)
    expected = torch.zeros(3)
    for done, mean in enumerate(seen, start=1):
        expected = torch.lerp(expected, mean, 1 - min(0.4, (1 + done) / (10 + done)))
    assert len(seen) == STEPS
    torch.testing.assert_close(first.running_mean, expected)
    assert [module.momentum for module in norms(network)] == [0.1] * 4
