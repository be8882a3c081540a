"""What every network of tables promises besides; as a file, in both engines and in int8, too."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
import torch.nn.functional as F
from model_cases import OUTPUTS, TABLES, case_id, cases_of, network_for

from limbeck.bundle.export import export_onnx
from limbeck.bundle.int8 import quantize_int8
from limbeck.models import MODELS, build_model
from limbeck.models.mlp import MLP, MLPSettings, width
from limbeck.runtime.readers.table import TableForm
from limbeck.types import tensors

CASES = cases_of("table")
CLOSE = {"rtol": 1e-5, "atol": 1e-6}
FORMS = {"both": TABLES, "numbers": TableForm.of(3, ()), "categories": TableForm.of(0, (4, 2))}


def draw(count, form=TABLES, seed=0):
    rng = np.random.default_rng(seed)
    arrays = {
        "numbers": rng.normal(size=(count, form.numbers)).astype(np.float32),
        "categories": np.stack([rng.integers(size, size=count) for size in form.sizes or (1,)], axis=1),
    }
    return {name: arrays[name] for name in form.example}


def tensors_of(count, form=TABLES, seed=0):
    return tensors(draw(count, form, seed))


@pytest.fixture(params=CASES, ids=case_id)
def network(request):
    return network_for(*request.param, None).eval()


def test_logits_are_float32_and_finite(network):
    logits = network(**tensors_of(5))
    assert logits.shape == (5, OUTPUTS)
    assert logits.dtype == torch.float32
    assert logits.isfinite().all()


def test_other_rows_change_nothing(network):
    batch = tensors_of(6)
    expected = network(**batch)
    for row in range(6):
        alone = network(**{name: value[row : row + 1] for name, value in batch.items()})
        torch.testing.assert_close(alone, expected[row : row + 1], **CLOSE)
    order = torch.tensor([3, 0, 5, 2, 1, 4])
    shuffled = network(**{name: value[order] for name, value in batch.items()})
    torch.testing.assert_close(shuffled, expected[order], **CLOSE)


def test_every_column_matters(network):
    batch = tensors_of(4)
    expected = network(**batch)
    for name, sizes in (("numbers", [None] * TABLES.numbers), ("categories", TABLES.sizes)):
        for place, size in enumerate(sizes):
            changed = batch[name].clone()
            changed[:, place] = changed[:, place] + 1 if size is None else (changed[:, place] + 1) % size
            assert not torch.allclose(network(**batch | {name: changed}), expected, **CLOSE), (name, place)


def test_training_reaches_every_parameter(network):
    F.cross_entropy(network.train()(**tensors_of(32)), torch.arange(32) % OUTPUTS).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


def test_a_batch_of_one_trains(network):
    F.cross_entropy(network.train()(**tensors_of(1)), torch.tensor([0])).backward()
    assert all(parameter.grad.isfinite().all() for parameter in network.parameters())


@pytest.mark.parametrize("name", [case[0] for case in CASES[:1]])
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_tables_without_numbers_or_without_categories(name, form, tmp_path):
    network = build_model(MODELS[name].settings(), outputs=OUTPUTS, form=form).eval()
    batch = draw(7, form)
    expected = network(**tensors(batch)).detach().numpy()
    assert expected.shape == (7, OUTPUTS)
    export_onnx(network, tmp_path / "model.onnx", tensors(form.example), form.axes)
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    assert [one.name for one in session.get_inputs()] == [*form.example]
    np.testing.assert_allclose(session.run(None, batch)[0], expected, atol=1e-5)


@pytest.mark.parametrize("case", CASES[:1], ids=case_id)
def test_files_agree_with_pytorch(case, tmp_path):
    network = network_for(case[0], {"hidden": 64}, None).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(1.5)
    export_onnx(network, tmp_path / "model.onnx", tensors(TABLES.example), TABLES.axes)

    def ask(name, batch):
        return onnxruntime.InferenceSession(tmp_path / name, providers=["CPUExecutionProvider"]).run(None, batch)[0]

    whole = draw(40)
    expected = network(**tensors(whole)).detach().numpy()
    assert np.ptp(expected, axis=0).min() > 1e-2, "rows that hardly differ would agree anyway"
    for count in (1, 2, 7, 40):
        some = {name: value[:count] for name, value in whole.items()}
        np.testing.assert_allclose(ask("model.onnx", some), expected[:count], atol=1e-5, rtol=1e-5)

    quantize_int8(tmp_path / "model.onnx", tmp_path / "int8.onnx", [draw(32, seed=seed) for seed in range(3)])
    types = {one.data_type for one in onnx.load(tmp_path / "int8.onnx").graph.initializer}
    assert onnx.TensorProto.INT8 in types
    coarse = ask("int8.onnx", whole)
    assert np.abs(coarse - expected).max() < 0.5 * expected.std(axis=0).max()
    alone = [ask("int8.onnx", {name: value[row : row + 1] for name, value in whole.items()}) for row in range(3)]
    np.testing.assert_allclose(np.concatenate(alone), coarse[:3], atol=1e-5)


def test_a_category_that_was_never_seen_begins_as_nothing_and_learns_where_rows_have_it():
    torch.manual_seed(0)
    network = MLP(MLPSettings(hidden=5), outputs=2, form=TableForm.of(0, (4,)))
    table = network.embeddings[0].weight
    assert not table[0].any()
    assert table[1:].abs().min() > 0
    F.cross_entropy(network(categories=torch.tensor([[1], [2]])), torch.tensor([0, 1])).backward()
    assert not table.grad[0].any()
    F.cross_entropy(network(categories=torch.tensor([[0], [2]])), torch.tensor([0, 1])).backward()
    assert table.grad[0].any()


def test_vectors_grow_slower_than_categories():
    assert [width(size) for size in (1, 2, 5, 20, 101, 100_000)] == [2, 2, 4, 9, 21, 32]
