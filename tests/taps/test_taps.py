"""Activations by path: what is read, what is refused, and that nothing stays on the network."""

import pytest
import torch
from torch import nn

from limbeck.errors import LimbeckError
from limbeck.taps import Taps, Trainable
from limbeck.teachers import ModuleTeacher
from limbeck.types import Batch, Tap, TapPair


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(9, 4)
        self.cell = nn.GRU(4, 5, batch_first=True)
        self.body = nn.Linear(5, 6)
        self.head = nn.Linear(6, 2)
        self.unused = nn.Linear(1, 1)

    def forward(self, input_ids, attention_mask):
        states = self.cell(self.words(input_ids))[0]
        pooled = (states * attention_mask.unsqueeze(-1)).sum(1) / attention_mask.sum(1, keepdim=True)
        return self.head(torch.tanh(self.body(pooled)))


@pytest.fixture
def network():
    torch.manual_seed(0)
    return Network()


INPUTS = {
    "input_ids": torch.tensor([[1, 2, 3, 0], [4, 0, 0, 0], [5, 6, 7, 8]]),
    "attention_mask": torch.tensor([[1, 1, 1, 0], [1, 0, 0, 0], [1, 1, 1, 1]]),
}


def test_states_of_real_tokens_are_averaged(network):
    logits, found = Taps(network, [Tap("words"), Tap("cell"), Tap("body")])(**INPUTS)
    assert torch.equal(logits, network(**INPUTS))
    assert {path: tuple(value.shape) for path, value in found.items()} == {
        "words": (3, 4),
        "cell": (3, 5),
        "body": (3, 6),
    }
    words = network.words.weight
    torch.testing.assert_close(found["words"][0], (words[1] + words[2] + words[3]) / 3)
    torch.testing.assert_close(found["words"][1], words[4])


def test_padding_may_hold_anything(network):
    before = Taps(network, [Tap("words")])(**INPUTS)[1]["words"]
    with torch.no_grad():
        network.words.weight[0] = torch.nan
    torch.testing.assert_close(Taps(network, [Tap("words")])(**INPUTS)[1]["words"], before)


def test_no_hook_stays_on_the_network(network):
    Taps(network, [Tap("body")])(**INPUTS)
    with pytest.raises(IndexError):
        Taps(network, [Tap("body")])(**INPUTS | {"input_ids": torch.full((3, 4), 99)})
    assert not any(module._forward_hooks for module in network.modules())


def test_an_unknown_path_names_the_nearest(network):
    with pytest.raises(LimbeckError, match="Network has no module `bodi`; did you mean `body`"):
        Taps(network, [Tap("bodi")])


def test_a_module_that_did_not_run_is_refused(network):
    with pytest.raises(LimbeckError, match="`unused` did not run"):
        Taps(network, [Tap("unused")])(**INPUTS)


def test_an_output_without_a_vector_an_example_is_refused():
    class Image(nn.Module):
        def __init__(self):
            super().__init__()
            self.filter = nn.Conv2d(1, 2, 3)

        def forward(self, x):
            return self.filter(x).mean((2, 3))

    with pytest.raises(LimbeckError, match=r"output of `filter` is \(1, 2, 3, 3\), neither"):
        Taps(Image(), [Tap("filter")])(x=torch.zeros(1, 1, 5, 5))


def test_the_trainable_projects_the_student_to_the_teachers_width(network):
    pair, other = TapPair("body", "encoder"), TapPair("cell", "encoder")
    trainable = Trainable(network, [pair, other], {"encoder": 7}, INPUTS)
    logits, features, _ = trainable(**INPUTS)
    assert torch.equal(logits, network(**INPUTS))
    assert {name: tuple(value.shape) for name, value in features.items()} == {pair.name: (3, 7), other.name: (3, 7)}
    found = Taps(network, [Tap("body")])(**INPUTS)[1]["body"]
    torch.testing.assert_close(features[pair.name], trainable.projectors[0](found))
    features[pair.name].sum().backward()
    assert network.body.weight.grad is not None
    assert trainable.projectors[0].weight.grad is not None


def test_a_pair_of_relations_is_not_projected(network):
    """Nothing is learned between the student's activation and the loss; beside a projected one of the same modules."""
    plain, projected = TapPair("body", "encoder", projected=False), TapPair("body", "encoder")
    trainable = Trainable(network, [plain, projected], {"encoder": 7}, INPUTS)
    _, features, _ = trainable(**INPUTS)
    assert features[plain.name].shape == (3, 6)
    assert features[projected.name].shape == (3, 7)
    torch.testing.assert_close(features[plain.name], Taps(network, [Tap("body")])(**INPUTS)[1]["body"])
    assert [name for name, _ in trainable.projectors.named_parameters()] == ["1.weight", "1.bias"]


def test_the_dry_forward_leaves_modes_and_statistics_alone(network):
    network.train()
    network.body.eval()
    Trainable(network, [TapPair("body", "x")], {"x": 3}, INPUTS)
    assert network.training
    assert not network.body.training


def test_a_live_teacher_answers_with_its_taps(network):
    batch = Batch(torch.arange(3), {}, teacher_inputs=INPUTS)
    answers = ModuleTeacher(network, taps=[Tap("body")]).predict(batch)
    network.eval()
    torch.testing.assert_close(answers.features["body"], Taps(network, [Tap("body")])(**INPUTS)[1]["body"])
    assert not answers.features["body"].requires_grad


# --- the shape that a loss wants ------------------------------------------------------------------------------------


def test_tokens_are_the_states_of_real_tokens(network):
    found = Taps(network, [Tap("cell", "tokens"), Tap("cell")])(**INPUTS)[1]
    tokens, real = found["cell (tokens)"], INPUTS["attention_mask"] != 0
    assert tokens.shape == (3, 4, 5)
    assert torch.equal(tokens[real], network.cell(network.words(INPUTS["input_ids"]))[0][real])
    assert not tokens[~real].any()
    torch.testing.assert_close(found["cell"], tokens.sum(1) / real.sum(1, keepdim=True))


def test_a_module_without_tokens_cannot_give_them(network):
    with pytest.raises(LimbeckError) as caught:
        Taps(network, [Tap("body", "tokens")])(**INPUTS)
    assert str(caught.value) == (
        "taps: the output of `body` is (3, 6), not (batch, tokens, width), and the loss compares tokens; "
        "tap another module"
    )


def test_states_of_other_tokens_than_the_mask_are_refused(network):
    class Shorter(Network):
        def forward(self, input_ids, attention_mask):
            self.words(input_ids[:, 1:])
            return torch.zeros(len(input_ids), 2)

    for shape in ("vector", "tokens"):
        with pytest.raises(LimbeckError, match=r"`words`: values for \(3, 3\) tokens, and the mask is \(3, 4\)"):
            Taps(Shorter(), [Tap("words", shape)])(**INPUTS)


def test_the_trainable_projects_every_token(network):
    pair = TapPair("cell", "encoder", "tokens")
    trainable = Trainable(network, [pair], {"encoder (tokens)": 7}, INPUTS)
    features = trainable(**INPUTS)[1]
    assert features["cell -> encoder (tokens)"].shape == (3, 4, 7)
    found = Taps(network, [Tap("cell", "tokens")])(**INPUTS)[1]["cell (tokens)"]
    torch.testing.assert_close(features[pair.name], trainable.projectors[0](found))


def test_a_live_teacher_answers_in_the_shape_that_is_wanted(network):
    batch = Batch(torch.arange(3), {}, teacher_inputs=INPUTS)
    answers = ModuleTeacher(network, taps=[Tap("cell", "tokens"), Tap("cell")]).predict(batch)
    assert {name: tuple(value.shape) for name, value in answers.features.items()} == {
        "cell (tokens)": (3, 4, 5),
        "cell": (3, 5),
    }
