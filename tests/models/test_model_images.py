"""What every network of images promises besides. A new one inherits all of it."""

import copy
import sys

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from model_cases import IMAGES, OUTPUTS, SETTINGS, case_id, cases_of, network_for
from pydantic import ValidationError
from torch import nn

from limbeck.errors import LimbeckError
from limbeck.models import MODELS, CustomSettings, build_model
from limbeck.models.pixels import Normalise, Pixels, strides
from limbeck.pipeline.training.probe import require_steady
from limbeck.runtime.readers.image import ImageForm
from limbeck.runtime.rows import Stacked
from limbeck.taps import Taps
from limbeck.types import Tap

CASES = cases_of("image")
NAMES = [name for name, model in MODELS.items() if model.reads == "image" and not name.startswith("pretrained")]
CLOSE = {"rtol": 1e-5, "atol": 1e-6}
SHAPES = {"digits": (8, 8, 1), "mnist": (28, 28, 1), "cifar": (32, 32, 3), "wide": (4, 20, 3)}


def form_of(height, width, channels):
    return ImageForm.of(height, width, channels, (0.5, 0.4, 0.3)[:channels], (0.3, 0.2, 0.25)[:channels])


def images(count, form=IMAGES, *, seed=0):
    draw = torch.Generator().manual_seed(seed)
    shape = (count, form.height, form.width, form.channels)
    return torch.randint(0, 256, shape, generator=draw, dtype=torch.uint8)


def build(name, form=IMAGES, **options):
    torch.manual_seed(0)
    return build_model(SETTINGS.validate_python({"name": name, **options}), outputs=OUTPUTS, form=form)


def settle(network, form=IMAGES):
    """Let batch norms see images, so that their statistics are no longer those of a new network."""
    network.train()
    with torch.no_grad():
        for seed in range(3):
            network(images(16, form, seed=seed))
    return network.eval()


@pytest.fixture(params=CASES, ids=case_id)
def network(request):
    return settle(network_for(*request.param, None))


def test_logits_are_float32_and_finite(network):
    logits = network(pixels=images(5))
    assert logits.shape == (5, OUTPUTS)
    assert logits.dtype == torch.float32
    assert logits.isfinite().all()


def test_other_rows_change_nothing(network):
    batch = images(6)
    expected = network(batch)
    for row in range(6):
        torch.testing.assert_close(network(batch[row : row + 1]), expected[row : row + 1], **CLOSE)
    order = torch.tensor([3, 0, 5, 2, 1, 4])
    torch.testing.assert_close(network(batch[order]), expected[order], **CLOSE)


def test_the_pixels_matter_and_stay_as_they_are(network):
    first, second = images(1, seed=1), images(1, seed=2)
    before = first.clone()
    assert not torch.allclose(network(first), network(second), **CLOSE)
    assert torch.equal(first, before)


def test_where_a_pixel_is_matters(network):
    """A mean over places is blind to it only after the layers before it have looked."""
    batch = images(1)
    assert not torch.allclose(network(batch), network(batch.flip(1)), **CLOSE)


def test_training_reaches_every_parameter(network):
    F.cross_entropy(network.train()(images(8)), torch.arange(8) % OUTPUTS).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


def test_the_gradient_is_the_gradient(network, two_threads):
    """Beside the same network in float64: a fast convolution for one kind of processor may get it wrong."""
    draws = any(isinstance(each, nn.Dropout) and each.p for each in network.modules())
    exact = copy.deepcopy(network.train(not draws)).double()
    batch, labels = images(8), torch.arange(8) % OUTPUTS
    for each in (network, exact):
        F.cross_entropy(each(batch).double(), labels).backward()
    for (name, found), expected in zip(network.named_parameters(), exact.parameters(), strict=True):
        difference = (found.grad.double() - expected.grad).abs().max()
        assert difference < 1e-4 + 1e-3 * expected.grad.abs().max(), name


@pytest.fixture
def two_threads():
    """Some kernels go wrong with several threads only."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_batches_of_one_train(network):
    """The last rows of a split batch, or a batch size of 1: a batch norm has the places of one image then."""
    logits = network.train()(images(1))
    F.cross_entropy(logits, torch.tensor([0])).backward()
    assert all(parameter.grad.isfinite().all() for parameter in network.parameters())


def test_a_batch_norm_learns_from_its_batch_and_not_in_evaluation(network):
    buffers = {name: value.clone() for name, value in network.named_buffers()}
    network(images(9, seed=7))
    assert all(torch.equal(value, buffers[name]) for name, value in network.named_buffers())
    network.train()(images(9, seed=7))
    moved = {name for name, value in network.named_buffers() if not torch.equal(value, buffers[name])}
    assert moved == {name for name in buffers if "pixels." not in name}


def test_images_stay_channels_last(network):
    """Convolutions are twice as fast in that order of memory; one that is not would spoil it for those after it."""
    orders = []
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_pre_hook(
                lambda _, inputs: orders.append(inputs[0].is_contiguous(memory_format=torch.channels_last))
            )
    network.train()(images(4))
    assert len(orders) == sum(isinstance(module, nn.Conv2d) for module in network.modules())
    assert all(orders)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_any_size_and_one_channel_or_three(name, shape):
    form = form_of(*shape)
    network = build(name, form)
    assert network(images(2, form)).shape == (2, OUTPUTS)


@pytest.mark.parametrize("name", ["convnet", "depthwise"])
@pytest.mark.parametrize("shape", [(8, 8, 1), (28, 28, 1), (32, 32, 3), (7, 5, 3), (1, 12, 3), (2, 2, 1)])
def test_small_images_do_not_vanish(name, shape):
    """Three pixels of a longer axis stay at least: a mean over one place would see no whole image."""
    form, seen = form_of(*shape), []
    network = build(name, form)
    network.pool.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].shape[2:]))
    network(images(2, form))
    assert all(found >= min(3, size) for found, size in zip(seen[0], shape, strict=False))


def test_an_axis_is_halved_while_three_pixels_are_left():
    assert strides(form_of(32, 32, 3), 3) == [(2, 2), (2, 2), (2, 2)]
    assert strides(form_of(8, 28, 3), 3) == [(2, 2), (1, 2), (1, 2)]
    assert strides(form_of(5, 6, 3), 2) == [(1, 2), (1, 1)]


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("convnet", {}, 61_338),
        ("depthwise", {}, 19_114),
        ("resnet", {"depth": 20}, 269_722),
        ("resnet", {"depth": 56}, 853_018),
        ("resnet", {"depth": 56, "shortcut": "B"}, 853_018 + 16 * 32 + 2 * 32 + 32 * 64 + 2 * 64),
        # Patches, positions, four blocks of 2 norms, 4 dim^2 + dim, and 4 dim^2 + 3 dim; the last norm, and the head.
        ("dense", {"width": 30, "layers": 1}, 3072 * 30 + 30 + 31 * 10),
        ("vit", {}, 48 * 64 + 64 + 64 * 64 + 4 * (4 * 64 + 8 * 64**2 + 4 * 64) + 128 + 650),
    ],
)
def test_parameters_are_as_many_as_is_said(name, options, expected):
    network = build_model(
        SETTINGS.validate_python({"name": name, **options}), outputs=10, form=form_of(*SHAPES["cifar"])
    )
    assert sum(parameter.numel() for parameter in network.parameters()) == expected
    assert f"{expected:,} parameters" in (type(network).__doc__ or "") or name in ("resnet", "dense", "vit")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"name": "resnet", "depth": 19}, r"a depth is 6n \+ 2, such as 8, 20 or 56; take 14 or 20"),
        ({"name": "resnet", "depth": 9}, "take 8 or 14"),
        ({"name": "resnet", "depth": 2}, "greater than or equal to 8"),
        ({"name": "resnet", "shortcut": "C"}, "'A' or 'B'"),
        ({"name": "convnet", "width": 0}, "greater than or equal to 1"),
        ({"name": "vit", "heads": 5}, "5 heads do not divide dim: 64; take 4"),
        ({"name": "vit", "patch": 0}, "greater than or equal to 1"),
        ({"name": "depthwise", "normalise": {"mean": [0.5], "std": [0]}}, "greater than 0"),
        ({"name": "depthwise", "normalise": {"mean": [128], "std": [64]}}, "less than or equal to 1"),
        ({"name": "depthwise", "normalise": {"mean": [0.5]}}, "std"),
    ],
)
def test_a_wrong_option_is_refused(value, message):
    with pytest.raises(ValidationError, match=message):
        SETTINGS.validate_python(value)


@pytest.mark.parametrize(
    ("shape", "patch", "fix"),
    [((30, 30, 3), 4, "set patch: 5"), ((28, 14, 1), 8, "set patch: 7"), ((7, 5, 1), 4, "set patch: 1")],
)
def test_a_patch_that_does_not_fill_the_image_is_refused_with_one_that_does(shape, patch, fix):
    with pytest.raises(
        LimbeckError, match=f"patches of {patch} pixels do not fill .* of {shape[0]} x {shape[1]}; {fix}"
    ):
        build("vit", form_of(*shape), patch=patch)
    build("vit", form_of(*shape), patch=int(fix.split()[-1]))


@pytest.mark.parametrize("name", NAMES)
def test_numbers_for_other_channels_are_refused(name):
    for normalise in ({"mean": [0.5], "std": [0.5]}, {"mean": [0.5] * 3, "std": [0.5] * 2}):
        with pytest.raises(
            LimbeckError, match=r"`normalise` has \d means and \d stds, and the images have 3 channels;"
        ):
            build(name, normalise=normalise)


def test_pixels_are_scaled_and_normalised():
    form = form_of(4, 5, 3)
    batch = images(2, form)
    expected = (batch.numpy() / 255 - np.array(form.mean)) / np.array(form.std)
    found = Pixels(form)(batch)
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found.numpy(), expected.transpose(0, 3, 1, 2), atol=1e-5)
    own = Pixels(form, Normalise(mean=(0, 0, 1), std=(1, 2, 1)))(batch)
    np.testing.assert_allclose(own[:, 1].numpy(), batch[..., 1].numpy() / 510, atol=1e-6)
    np.testing.assert_allclose(own[:, 2].numpy(), batch[..., 2].numpy() / 255 - 1, atol=1e-6)


def test_a_channel_that_is_the_same_everywhere_is_not_divided():
    form = ImageForm.of(4, 4, 3, (0.5, 0.0, 1.0), (0.25, 0.0, 0.0))
    found = Pixels(form)(images(2, form))
    assert found.isfinite().all()
    assert found[:, 1:].abs().max() <= 1


@pytest.mark.parametrize("name", NAMES)
def test_weights_carry_by_what_pixels_are_normalised(name):
    """A student that is loaded into a network of other training images answers as it did."""
    first = settle(build(name))
    other = build(name, ImageForm.of(8, 8, 3, (0.1,) * 3, (0.9,) * 3)).eval()
    other.load_state_dict(first.state_dict())
    assert torch.equal(first(images(3)), other(images(3)))


@pytest.mark.parametrize("name", ["convnet", "depthwise", "resnet"])
def test_a_loss_of_activations_can_read_the_pooled_features(name):
    network = settle(build(name))
    logits, found = Taps(network, [Tap("pool")])(pixels=images(3))
    assert torch.equal(network.head(found["pool"]), logits)


NET = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, outputs, form, own=False):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(form.channels, 4, 3), nn.BatchNorm2d(4, track_running_stats=not own)
        self.head = nn.Linear(4, outputs)

    def forward(self, pixels):
        states = self.norm(self.conv(pixels.permute(0, 3, 1, 2) / 255))
        return self.head(states.relu().mean((2, 3)))
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    (tmp_path / "users_images.py").write_text(NET)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("users_images", None)


def test_a_network_of_the_users_own_reads_images(package):
    rows = Stacked({"pixels": images(12).numpy()})
    settings = CustomSettings(name="users_images:Net")
    network = build_model(settings, outputs=OUTPUTS, form=IMAGES)
    require_steady(network, rows, "student", outputs=OUTPUTS)
    settings = CustomSettings(name="users_images:Net", own=True)
    network = build_model(settings, outputs=OUTPUTS, form=IMAGES)
    with pytest.raises(LimbeckError, match="a row's logits change with the other rows of its batch"):
        require_steady(network, rows, "student", outputs=OUTPUTS)
