"""Residual networks: their shortcuts, and the weights that others have published."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from model_cases import IMAGES, OUTPUTS, SETTINGS
from safetensors.torch import save_file

from limbeck.errors import LimbeckError
from limbeck.models import build_model
from limbeck.models.weights import load_weights
from limbeck.runtime.readers.image import ImageForm

CIFAR = Path(__file__).parents[3] / "shared/data/cifar10"
IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
SMALL = {"depth": 14, "width": 2}


def resnet(*, seed=0, form=IMAGES, outputs=OUTPUTS, **options):
    torch.manual_seed(seed)
    return build_model(SETTINGS.validate_python({"name": "resnet", **options}), outputs=outputs, form=form).eval()


def pixels(count=4):
    return torch.randint(0, 256, (count, 8, 8, 3), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)


def published(network, path, last="linear."):
    """Save weights as others publish them: no normalisation, no counts, and their name for the last layer."""
    kept = {
        name.replace("head.", last): value
        for name, value in network.state_dict().items()
        if not name.startswith("pixels.") and not name.endswith("num_batches_tracked")
    }
    save_file(kept, path)
    return str(path)


def test_shortcut_a_takes_every_second_place_and_pads_with_zeros_on_both_sides():
    shortcut = resnet(**SMALL).layer2[0].shortcut
    states = torch.rand(2, 2, 5, 4)
    found = shortcut(states)
    assert found.shape == (2, 4, 3, 2)
    assert torch.equal(found[:, 1:3], states[:, :, ::2, ::2])
    assert not found[:, [0, 3]].any()
    assert not list(shortcut.parameters())


def test_a_block_that_adds_nothing_hands_on_what_came_in():
    """The shortcut goes past both convolutions, and the sum is rectified after it."""
    block = resnet(**SMALL).layer1[0]
    with torch.no_grad():
        block.bn2.weight.zero_()
    states = torch.randn(2, 2, 5, 4)
    assert torch.equal(block(states), states.relu())


@pytest.mark.parametrize("last", ["linear.", "fc.", "head."])
@pytest.mark.parametrize("shortcut", ["A", "B"])
def test_published_weights_are_loaded_by_name(tmp_path, last, shortcut):
    source = resnet(seed=1, shortcut=shortcut, **SMALL)
    file = published(source, tmp_path / "weights.safetensors", last)
    found = resnet(seed=2, shortcut=shortcut, weights=file, **SMALL)
    assert torch.equal(found(pixels()), source(pixels()))
    torch.save(source.state_dict(), tmp_path / "weights.pt")
    found = resnet(seed=2, shortcut=shortcut, weights=str(tmp_path / "weights.pt"), **SMALL)
    assert torch.equal(found(pixels()), source(pixels()))
    found = resnet(seed=2, shortcut=shortcut, **SMALL)
    load_weights(found, Path(file))
    assert torch.equal(found(pixels()), source(pixels()))


def test_the_file_of_a_run_says_by_what_pixels_are_normalised(tmp_path):
    """Unless the settings do; a file that does not say it takes the training images' numbers."""
    source = resnet(seed=1, normalise=IMAGENET, **SMALL)
    save_file(source.state_dict(), tmp_path / "run.safetensors")
    found = resnet(weights=str(tmp_path / "run.safetensors"), **SMALL)
    torch.testing.assert_close(found.pixels.mean, torch.tensor(IMAGENET["mean"]))
    own = {"mean": [0.1, 0.2, 0.3], "std": [1, 1, 1]}
    found = resnet(weights=str(tmp_path / "run.safetensors"), normalise=own, **SMALL)
    torch.testing.assert_close(found.pixels.mean, torch.tensor(own["mean"]))
    found = resnet(weights=published(source, tmp_path / "other.safetensors"), **SMALL)
    torch.testing.assert_close(found.pixels.mean, torch.tensor(IMAGES.mean))


def drop(weights):
    del weights["layer3.1.bn2.running_var"]


def rename(weights):
    weights["layer3.1.norm2.weight"] = weights.pop("layer3.1.bn2.weight")


@pytest.mark.parametrize(
    ("options", "change", "message"),
    [
        ({"depth": 20, "width": 2}, None, "weights of a resnet of depth 14, width 2 and shortcut A; set depth: 14"),
        ({"depth": 8, "width": 3}, None, "and shortcut A; set depth: 14, width: 2"),
        ({**SMALL, "shortcut": "B"}, None, "and shortcut A; set shortcut: A"),
        (SMALL, drop, "lacks `layer3.1.bn2.running_var`"),
        (SMALL, rename, r"lacks `layer3.1.bn2.weight`, and has besides `layer3.1.norm2.weight`"),
        (SMALL, dict.clear, r"lacks `conv1.weight` and \d+ more"),
    ],
)
def test_weights_that_do_not_fit_are_refused_by_name(tmp_path, options, change, message):
    weights = resnet(**SMALL).state_dict()
    if change is not None:
        change(weights)
    save_file(weights or {"weight": torch.ones(1)}, tmp_path / "weights.safetensors")
    with pytest.raises(LimbeckError, match=message) as caught:
        resnet(weights=str(tmp_path / "weights.safetensors"), **options)
    assert caught.value.where == str(tmp_path / "weights.safetensors")


def test_weights_of_other_classes_or_channels_are_refused(tmp_path):
    file = published(resnet(**SMALL), tmp_path / "weights.safetensors")
    with pytest.raises(LimbeckError, match=r"`head.\w+` is float32 .* in the file, and float32 .* in the ResNet"):
        resnet(weights=file, outputs=OUTPUTS + 1, **SMALL)
    with pytest.raises(
        LimbeckError, match=r"`conv1.weight` is float32 \(2, 3, 3, 3\) in the file, and .*\(2, 1, 3, 3\)"
    ):
        resnet(weights=file, form=ImageForm.of(8, 8, 1, (0.5,), (0.5,)), **SMALL)


def test_a_file_that_is_none_is_refused(tmp_path):
    with pytest.raises(LimbeckError, match="no such file of weights"):
        resnet(weights=str(tmp_path / "nowhere.safetensors"), **SMALL)
    (tmp_path / "text.safetensors").write_text("no tensors")
    with pytest.raises(LimbeckError, match="not readable as safetensors"):
        resnet(weights=str(tmp_path / "text.safetensors"), **SMALL)


@pytest.mark.slow
def test_the_given_resnet_56_recognises_cifar():
    """Its figure on all JPEG test images is 83.2 %; the rows are drawn from everywhere, as the file is class-sorted."""
    if not CIFAR.is_dir():
        pytest.skip("needs ../shared/data/cifar10, a copy of CIFAR-10 for development")
    from PIL import Image
    from pyarrow.parquet import read_table

    table = read_table(CIFAR / "test.parquet")
    table = table.take(np.random.default_rng(0).choice(len(table), 1000, replace=False))
    pictures = [np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB")) for jpeg in table["jpeg"].to_pylist()]
    form = ImageForm.of(32, 32, 3, (0.5,) * 3, (0.25,) * 3)
    weights = str(CIFAR / "resnet56-4bfd9763.safetensors")
    network = resnet(form=form, outputs=10, depth=56, normalise=IMAGENET, weights=weights)
    with torch.inference_mode():
        logits = torch.cat([network(part) for part in torch.from_numpy(np.stack(pictures)).split(100)])
    assert (logits.argmax(1).numpy() == table["label"].to_numpy()).mean() > 0.8


@pytest.mark.parametrize("size", [(8, 8), (7, 5), (1, 1)])
def test_a_projection_is_a_convolution_of_stride_2(size):
    """Every second place from the first one on, and no bias: as the published weights have it."""
    torch.manual_seed(0)
    projection = resnet(shortcut="B", **SMALL).layer2[0].shortcut[0]
    states = torch.randn(3, SMALL["width"], *size)
    expected = torch.nn.functional.conv2d(states, projection.weight, stride=2)
    torch.testing.assert_close(projection(states), expected)
    assert projection.bias is None
