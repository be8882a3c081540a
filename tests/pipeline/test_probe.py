"""A row's answer is its own: what networks from outside do wrong, each refused with its figure."""

import os
import re

os.environ["HF_HUB_OFFLINE"] = "1"

import numpy as np
import pytest
import torch
import transformers
from torch import nn

from limbeck.errors import LimbeckError
from limbeck.models import logits_only, ordered
from limbeck.pipeline.training.probe import require_steady
from limbeck.runtime.rows import Ragged, Stacked
from limbeck.teachers.encoders import FunctionEncoder

WORDS, CLASSES, PAD = 40, 3, 1


def texts(lengths=(1, 9, 2, 5, 5, 3, 14, 7, 4, 6, 1, 12)):
    draw = np.random.default_rng(0)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return Ragged(draw.integers(2, WORDS, offsets[-1]).astype(np.int32), offsets, PAD, 0.0)


class Net(nn.Module):
    """A bag of words that does all right; a fault changes what it does with its inputs."""

    def __init__(self, fault=""):
        super().__init__()
        torch.manual_seed(0)
        self.fault = fault
        self.table, self.head = nn.Embedding(WORDS, 8), nn.Linear(8, CLASSES)
        self.norm = nn.BatchNorm1d(8)

    def forward(self, input_ids, attention_mask):
        if self.fault == "writes":
            input_ids[:, 0] = 5
        if self.fault == "reads which ids are padding":
            attention_mask = (input_ids != PAD).long()
        states, mask = self.table(input_ids), attention_mask.unsqueeze(-1)
        pooled = states.mean(1) if self.fault == "pools over padding" else (states * mask).sum(1) / mask.sum(1)
        if self.fault == "rows see each other":
            pooled = pooled - pooled.mean(0)
        if self.fault == "batch norm in training":
            pooled = nn.functional.batch_norm(pooled, None, None, training=True)
        if self.fault == "dropout":
            pooled = nn.functional.dropout(pooled, training=True)
        if self.fault == "fails on long texts" and input_ids.shape[1] > 10:
            raise IndexError("index out of range in self")
        if self.fault == "nan":
            pooled = pooled / 0.0
        logits = self.head(pooled)[:, : CLASSES - (self.fault == "one logit less")]
        return FORMS.get(self.fault, lambda one: one)(logits)


FORMS = {
    "integers": lambda logits: logits.long(),
    "complex numbers": lambda logits: logits.to(torch.complex64),
    "sparse": lambda logits: logits.to_sparse(),
    "meta": lambda logits: logits.to("meta"),
}
"""What is no tensor of logits, though its shape is right."""


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("writes", "its forward writes into its input `input_ids`"),
        (
            "pools over padding",
            r"change with the padding on its right: by \S+ of their standard deviation, where 0.001",
        ),
        ("reads which ids are padding", "change with ids that attention_mask hides: by "),
        ("rows see each other", "change with the other rows of its batch: by "),
        ("batch norm in training", r"failed on a single text of 1 tokens \(ValueError: Expected more than 1 value"),
        ("dropout", "two calls with the same rows give different logits: by "),
        ("fails on long texts", r"failed on a single text of 14 tokens \(IndexError: index out of range"),
        ("nan", "its logits for a single text of 1 tokens are not finite"),
        ("one logit less", r"returns \(1, 2\) for 1 rows of 3 outputs"),
        ("integers", "returns a dense tensor of int64; return logits as a dense tensor of float32"),
        ("complex numbers", "returns a dense tensor of complex64"),
        ("sparse", "returns a sparse tensor of float32"),
        ("meta", "returns a meta tensor of float32"),
    ],
)
def test_what_is_refused(fault, message):
    network = Net(fault).train()
    with pytest.raises(LimbeckError, match=message) as caught:
        require_steady(network, texts(), "student", outputs=CLASSES)
    assert caught.value.where == "student"
    assert caught.value.fix
    assert network.training, "its mode is put back"


class Softmax(nn.Module):
    def __init__(self, log=False):
        super().__init__()
        self.net, self.log = Net(), log

    def forward(self, input_ids, attention_mask):
        logits = self.net(input_ids, attention_mask)
        return logits.log_softmax(-1) if self.log else logits.softmax(-1)


@pytest.mark.parametrize(
    ("function", "message", "fix"),
    [
        (lambda draw, x: draw.normal(size=(len(x), 2)), "two calls with the same rows give different features", "seed"),
        (lambda draw, x: x / x[:, :1] * np.nan, "its features for a single row are not finite", "a finite number"),
        (lambda draw, x: x - x.mean(0), "a row's features change with the other rows of its batch", "that row alone"),
    ],
    ids=["random", "nan", "rows see each other"],
)  # fmt: skip
def test_of_a_function_nothing_is_said_of_modules(function, message, fix):
    draw = np.random.default_rng(0)
    rows = Stacked({"x": draw.normal(size=(12, 2)).astype(np.float32)})
    network = FunctionEncoder(lambda x: function(draw, x), "mine:features")
    with pytest.raises(LimbeckError, match=message) as caught:
        require_steady(network, rows, "teacher", outputs=2, logits=False)
    assert fix in caught.value.fix
    assert not {"dropout", "weights", "module", "logits"} & set(re.findall(r"\w+", str(caught.value)))


@pytest.mark.parametrize("columns", [[0, 1, 2], [2, 0, 1], [0, 2]])
def test_probabilities_are_no_logits(columns):
    """Of which outputs are taken, in which order, changes nothing."""
    with pytest.raises(LimbeckError, match=r"teacher: its rows are probabilities; return logits \(or log-prob"):
        require_steady(ordered(Softmax(), columns, CLASSES), texts(), "teacher", outputs=len(columns))
    require_steady(ordered(Softmax(log=True), columns, CLASSES), texts(), "teacher", outputs=len(columns))


def test_probabilities_of_a_loaders_rows():
    rows = Stacked({"pixels": torch.randn(12, 4, generator=torch.Generator().manual_seed(0)).numpy()})
    with pytest.raises(LimbeckError, match="student: its rows are probabilities"):
        require_steady(Pictures("softmax"), rows, "student", outputs=2)


def test_padding_is_seen_where_all_texts_are_of_one_length():
    with pytest.raises(LimbeckError, match="padding on its right"):
        require_steady(Net("pools over padding"), texts([6] * 9), "student", outputs=CLASSES)


@pytest.mark.parametrize("lengths", [(3,), (1, 1), (1, 9, 2, 5, 5, 3, 14, 7, 4, 6, 1, 12), (6,) * 9])
def test_what_is_fine(lengths):
    require_steady(Net(), texts(lengths), "student", outputs=CLASSES)


def test_a_training_begins_where_it_would_have_begun_without():
    network = Net("dropout")
    state = torch.random.get_rng_state()
    with pytest.raises(LimbeckError):
        require_steady(network, texts(), "student", outputs=CLASSES)
    assert torch.equal(torch.random.get_rng_state(), state)


class Constant(nn.Module):
    def __init__(self, *values):
        super().__init__()
        self.values = nn.Parameter(torch.tensor(values))

    def forward(self, input_ids, attention_mask):
        return self.values + torch.zeros(len(input_ids), 1)


@pytest.mark.parametrize("values", [(0.0, 0.0), (1.0, -3.0)])
def test_a_network_that_says_one_thing_is_no_division_by_zero(values):
    require_steady(Constant(*values), texts(), "student", outputs=2)


def test_rounding_of_half_precision_is_allowed():
    class Rounded(Net):
        def forward(self, input_ids, attention_mask):
            logits = super().forward(input_ids, attention_mask)
            return logits + logits.std() * 0.01 * (len(input_ids) > 1)

    with pytest.raises(LimbeckError, match="other rows"):
        require_steady(Rounded(), texts(), "teacher", outputs=CLASSES)
    require_steady(Rounded().bfloat16(), texts(), "teacher", outputs=CLASSES)


class Pictures(nn.Module):
    def __init__(self, fault=""):
        super().__init__()
        torch.manual_seed(0)
        self.fault, self.head = fault, nn.Linear(4, 2)

    def forward(self, pixels):
        if self.fault == "writes":
            pixels += 1
        logits = self.head(pixels.nan_to_num())
        if self.fault == "draws":
            logits = nn.functional.dropout(logits)
        if self.fault == "softmax":
            return logits.softmax(-1)
        return logits - logits.mean(0) if self.fault == "rows see each other" else logits


@pytest.mark.parametrize(
    ("fault", "message"),
    [("", ""), ("writes", "`pixels`"), ("draws", "two calls"), ("rows see each other", "other rows of its batch")],
)
def test_rows_of_a_loader_have_no_padding(fault, message):
    rows = Stacked({"pixels": torch.randn(12, 4, generator=torch.Generator().manual_seed(0)).numpy()})
    rows.arrays["pixels"][3:5, 1] = np.nan  # a table's missing values
    if not fault:
        require_steady(Pictures(), rows, "teacher", outputs=2)
        return
    with pytest.raises(LimbeckError, match=message):
        require_steady(Pictures(fault), rows, "teacher", outputs=2)


SMALL = {"vocab_size": WORDS, "num_labels": CLASSES, "pad_token_id": PAD}
HEADS = {
    "Bert": {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16},
    "Roberta": {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16},
    "GPT2": {"n_embd": 16, "n_layer": 1, "n_head": 2, "n_positions": 32, "bos_token_id": 0, "eos_token_id": 0},
    "XLNet": {"d_model": 16, "n_layer": 1, "n_head": 2, "d_inner": 16, "bos_token_id": 0, "eos_token_id": 0},
}


def head(family, **options):
    torch.manual_seed(0)
    config = getattr(transformers, f"{family}Config")(**SMALL | HEADS[family] | options)
    network = getattr(transformers, f"{family}ForSequenceClassification")(config)
    for parameter in network.parameters():  # as they come, their logits hardly differ
        parameter.data.mul_(5.0)
    return logits_only(network)


@pytest.mark.parametrize("family", ["Bert", "Roberta", "GPT2"])
def test_heads_that_find_the_end_of_a_text(family):
    require_steady(head(family), texts(), "teacher", outputs=CLASSES)


def test_a_head_that_wants_its_padding_on_the_left():
    with pytest.raises(LimbeckError, match=r"change with the padding on its right: by .* as XLNet does"):
        require_steady(head("XLNet"), texts(), "teacher", outputs=CLASSES)


def test_a_decoder_that_knows_no_padding():
    with pytest.raises(LimbeckError, match=r"failed on 8 texts together .*Cannot handle batch sizes > 1 if no padding"):
        require_steady(head("GPT2", pad_token_id=None), texts(), "teacher", outputs=CLASSES)
