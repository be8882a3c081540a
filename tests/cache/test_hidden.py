"""The codec `hidden`: what enters the last layer, that layer once, and logits that are computed when they are read."""

import json
import re

import pytest
import torch
from cache_cases import CLASSES, WIDTH, Counting, Net, Says, logits_of, opened, texts
from safetensors.torch import load_file, save_file
from torch import nn

from limbeck.cache import label
from limbeck.cache.codecs import Hidden
from limbeck.errors import LimbeckError
from limbeck.logits import Factored
from limbeck.models import Ordered
from limbeck.tasks.regression.units import InUnits
from limbeck.teachers import ModuleTeacher
from limbeck.teachers.run import Divided
from limbeck.types import Batch, Outputs, Tap, tensors

ROWS = 23
CODEC = Hidden(dtype="float32")


def asked_of(network, *, form="factored", taps=()):
    """What a network says of all texts at once."""
    examples, view = texts(range(ROWS))
    batch = Batch(torch.from_numpy(examples.ids), {}, teacher_inputs=tensors(view.batch(range(ROWS))))
    return ModuleTeacher(network, "named", form=form, taps=taps).predict(batch)


def net(seed=0):
    torch.manual_seed(seed)
    return Net()


class TwoHeads(Net):
    """Has a second head of as many outputs, which runs last and is not the answer."""

    def __init__(self):
        super().__init__()
        self.other = nn.Linear(CLASSES, CLASSES)

    def forward(self, input_ids, attention_mask):
        logits = super().forward(input_ids, attention_mask)
        self.other(logits)
        return logits


class NoBias(Net):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(WIDTH, CLASSES, bias=False)


class PadIsNothing(nn.Module):
    """Answers for every token; padding is NaN."""

    def __init__(self):
        super().__init__()
        self.words, self.head = nn.Embedding(50, WIDTH), nn.Linear(WIDTH, CLASSES)

    def forward(self, input_ids, attention_mask):
        states = self.words(input_ids)
        return self.head(states.masked_fill(attention_mask.unsqueeze(-1) == 0, torch.nan))


NETWORKS = {
    "plain": net,
    "no bias": NoBias,
    "another head that runs last": TwoHeads,
    "in another order": lambda: Ordered(net(), [2, 0, 1]),
    "some of its outputs": lambda: Ordered(net(), [2, 0]),
    "divided": lambda: Divided(net(), 2.5),
    "in units": lambda: InUnits(net(), [1.0, -20.0, 300.0], [0.5, 3.0, 20.0]),
    "all of it": lambda: InUnits(Ordered(Divided(NoBias(), 0.5), [1, 0, 2]), [5.0] * 3, [0.5, 3.0, 20.0]),
}


@pytest.mark.parametrize("build", NETWORKS.values(), ids=NETWORKS)
def test_a_network_and_its_last_layer_say_the_same(build):
    torch.manual_seed(3)
    network = build()
    found, plain = asked_of(network, taps=[Tap("drop")]), asked_of(network, form="dense", taps=[Tap("drop")])
    assert isinstance(found.logits, Factored)
    assert found.logits.hidden.shape == (ROWS, WIDTH)
    torch.testing.assert_close(found.dense, plain.dense, rtol=1e-5, atol=1e-5)
    assert torch.equal(found.features["drop"], plain.features["drop"])
    assert not any(module._forward_pre_hooks for module in network.modules()), "no hook stays"


def test_some_rows_are_computed_without_the_others():
    logits = asked_of(net()).logits
    for start in range(0, ROWS, 5):
        part = logits.each(lambda hidden, start=start: hidden[start : start + 5])
        torch.testing.assert_close(part.dense, logits.dense[start : start + 5], rtol=0, atol=1e-6)
        assert part.matrix is logits.matrix


def test_padding_may_hold_anything():
    found, plain = asked_of(PadIsNothing()).dense, asked_of(PadIsNothing(), form="dense").dense
    assert torch.isnan(plain).any()
    assert torch.equal(torch.isnan(found), torch.isnan(plain))


class Changed(Net):
    """What it says is not what its last layer says."""

    def __init__(self, change):
        super().__init__()
        self.change = change

    def forward(self, input_ids, attention_mask):
        return self.change(super().forward(input_ids, attention_mask))


@pytest.mark.parametrize(
    "change",
    [torch.tanh, lambda z: z.log_softmax(-1), lambda z: z + 1e-3, lambda z: z * 1.001, lambda z: z[:, :2]],
    ids=["tanh", "log_softmax", "moved", "scaled", "cut"],
)
def test_a_network_that_ends_otherwise_is_refused(change):
    with pytest.raises(LimbeckError) as caught:
        asked_of(Changed(change))
    assert str(caught.value) == (
        "cache.codec: the logits of Changed are not the outputs of a last linear layer, whose inputs could be kept; "
        "set it to dense or topk, or take a teacher that ends in torch.nn.Linear"
    )


def test_every_answer_is_compared_and_not_the_first_alone():
    network = Changed(lambda z: z)
    examples, view = texts(range(ROWS))
    batch = Batch(torch.from_numpy(examples.ids), {}, teacher_inputs=tensors(view.batch(range(ROWS))))
    teacher = ModuleTeacher(network, "named", form="factored")
    teacher.predict(batch)
    network.change = lambda z: z + 1e-3
    with pytest.raises(LimbeckError, match="are not the outputs of a last linear layer"):
        teacher.predict(batch)


# --- the cache -------------------------------------------------------------------------------------------------------


def labelled(folder, numbers=range(ROWS), codec=CODEC, **other):
    teacher, (examples, view) = Counting(form="factored", **other), texts(numbers)
    return label(teacher, examples, view, opened(folder, teacher, codec=codec), batch_size=4), examples


def test_the_layer_is_stored_once_and_named(tmp_path):
    cached, examples = labelled(tmp_path)
    digest = json.loads((tmp_path / "manifest.json").read_text())["shared"]
    assert re.fullmatch(r"[0-9a-f]{16}", digest)
    before = (tmp_path / "shared.safetensors").read_bytes()
    kept = load_file(tmp_path / "shared.safetensors")
    assert {name: tuple(value.shape) for name, value in kept.items()} == {
        "matrix": (CLASSES, WIDTH),
        "bias": (CLASSES,),
    }
    more, others = labelled(tmp_path, range(40))
    assert (tmp_path / "shared.safetensors").read_bytes() == before
    assert torch.equal(logits_of(more, examples.ids).hidden, logits_of(cached, examples.ids).hidden)
    live = Counting()
    label(live, others, texts(range(40))[1], opened(tmp_path / "dense", live), batch_size=4)
    torch.testing.assert_close(logits_of(more, others.ids).dense, live.all_said(others.ids), rtol=0, atol=1e-5)


def test_another_layer_is_refused_with_both(tmp_path):
    labelled(tmp_path, digest="the same name")
    had = json.loads((tmp_path / "manifest.json").read_text())["shared"]
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(LimbeckError) as caught:
        labelled(tmp_path, range(40), digest="the same name", seed=1)
    said = "another last layer: the answers of the cache were stored with"
    assert re.match(
        rf"{re.escape(str(tmp_path / 'shared.safetensors'))}: {said} `{had}`, this one is `[0-9a-f]{{16}}`; ",
        str(caught.value),
    )
    assert {path: path.read_bytes() for path in before} == before
    assert len(list(tmp_path.iterdir())) == len(before)


@pytest.mark.parametrize("name", ["matrix", "bias"])
def test_a_changed_weight_of_the_layer_is_refused_with_both(tmp_path, name):
    cached, _ = labelled(tmp_path)
    kept = {key: value.clone() for key, value in load_file(tmp_path / "shared.safetensors").items()}
    kept[name].flatten()[1:2].add_(1e-6)
    save_file(kept, tmp_path / "shared.safetensors")
    had = json.loads((tmp_path / "manifest.json").read_text())["shared"]
    with pytest.raises(LimbeckError, match=f"another last layer: .* with `{had}`, this one is `(?!{had})"):
        type(cached)(tmp_path, cached.identity)


@pytest.mark.parametrize("damage", ["gone", "cut"])
def test_a_layer_that_is_gone_or_cut_is_refused(tmp_path, damage):
    cached, _ = labelled(tmp_path)
    path = tmp_path / "shared.safetensors"
    path.unlink() if damage == "gone" else path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(LimbeckError, match=r"shared\.safetensors: missing or damaged"):
        type(cached)(tmp_path, cached.identity)


def test_float16_is_off_by_what_the_manifest_says(tmp_path):
    whole, examples = labelled(tmp_path / "32")
    half, _ = labelled(tmp_path / "16", codec=Hidden())
    assert whole.error == 0
    off = (logits_of(half, examples.ids).dense - logits_of(whole, examples.ids).dense).abs().max()
    assert half.error == pytest.approx(float(off), rel=1e-2)
    assert json.loads((tmp_path / "16/manifest.json").read_text())["error"] == half.error > 1e-5
    sizes = [(tmp_path / name / "shard-00000.safetensors").stat().st_size for name in ("32", "16")]
    assert sizes[0] - sizes[1] == ROWS * WIDTH * 2


def test_a_state_that_float16_cannot_hold_is_refused():
    logits = Factored(torch.tensor([[1.0, -70_000.0]]), torch.ones(3, 2))
    with pytest.raises(LimbeckError) as caught:
        Hidden().encode(Outputs(logits))
    assert str(caught.value) == (
        "cache.codec.dtype: a number of the teacher's hidden state is 70000, and float16 holds none beyond 65504; set "
        "it to float32"
    )
    assert torch.equal(CODEC.encode(Outputs(logits))["hidden"], logits.hidden)


def test_logits_alone_are_refused_before_anything_is_written(tmp_path):
    teacher, (examples, view) = Says(lambda rows: torch.zeros(rows, CLASSES)), texts(range(5))
    with pytest.raises(LimbeckError, match="this teacher gives its logits alone; set it to dense or topk, or take a"):
        label(teacher, examples, view, opened(tmp_path, teacher, codec=CODEC))
    assert not list(tmp_path.iterdir())


def test_the_width_says_the_size():
    assert Hidden().bytes_per_prediction(50_257, 768) == 1536
    assert CODEC.shared_bytes(50_257, 768) == 4 * 50_257 * 769
    with pytest.raises(ValueError, match="the width of the hidden state"):
        Hidden().bytes_per_prediction(2)
