"""Every network of texts exports with any number of rows and tokens, and both engines agree."""

import numpy as np
import onnxruntime
import pytest
import torch
from model_cases import OUTPUTS, VOCABULARY, case_id, cases_of, export, network_for, parity, rows, save_bert
from torch import nn

from limbeck.bundle import export_onnx
from limbeck.models import Ordered

CASES = cases_of("text")
FAST = [next(case for case in CASES if case[0] == name) for name in ("ngrams", "textcnn")]

pytestmark = [
    # The exporter pickles PyTorch's own tree specifications, and announces that two inputs share their axes.
    pytest.mark.filterwarnings("ignore:`isinstance\\(treespec, LeafSpec\\)` is deprecated:FutureWarning"),
    pytest.mark.filterwarnings("ignore:# The axis name. .* will not be used:UserWarning"),
]


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=case_id(case), marks=[] if case in FAST else [pytest.mark.slow]) for case in CASES],
)
def test_export_agrees_with_pytorch(case, tmp_path):
    network = network_for(*case, save_bert(tmp_path / "bert") if case[0] == "transformer" else None)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(3)  # away from the small initial values, where every graph would agree
    session = export(network, tmp_path / "model.onnx")
    assert parity(network, session) <= 1e-5


@pytest.mark.slow
@pytest.mark.parametrize(("name", "node"), [("bigru", "GRU"), ("bilstm", "LSTM")])
def test_recurrent_layers_are_one_node_a_direction(name, node, tmp_path):
    """Nodes that engines have kernels for, not a loop; int8 reaches those of an LSTM once constants are folded."""
    onnx = pytest.importorskip("onnx")
    from onnxruntime.quantization import quantize_dynamic
    from onnxruntime.quantization.shape_inference import quant_pre_process

    network = network_for(name, {"hidden": 64}, None)
    export(network, tmp_path / "model.onnx")
    operators = [n.op_type for n in onnx.load(tmp_path / "model.onnx").graph.node]
    assert operators.count(node) == 2
    assert not {"Loop", "Scan", "If"} & set(operators)
    quant_pre_process(tmp_path / "model.onnx", tmp_path / "folded.onnx")
    quantize_dynamic(tmp_path / "folded.onnx", tmp_path / "int8.onnx")
    operators = [n.op_type for n in onnx.load(tmp_path / "int8.onnx").graph.node]
    assert operators.count("DynamicQuantizeLSTM") == (2 if name == "bilstm" else 0)


def test_a_network_whose_inputs_have_no_names_of_their_own(tmp_path):
    """As models of transformers are called, and a teacher whose outputs were put in order."""

    class Words(nn.Module):
        def __init__(self):
            super().__init__()
            self.table = nn.Embedding(VOCABULARY.size, OUTPUTS)

        def forward(self, **inputs):
            return (self.table(inputs["input_ids"]) * inputs["attention_mask"].unsqueeze(-1)).sum(1)

    network, (ids, mask) = Ordered(Words(), [2, 0, 1]), rows([4, 6, 2])
    axes = {0: "batch", 1: "tokens"}
    inputs = {"input_ids": ids, "attention_mask": mask}
    export_onnx(network, tmp_path / "model.onnx", inputs, {"input_ids": axes, "attention_mask": axes})
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    ids, mask = rows([3, 9])
    (found,) = session.run(None, {"input_ids": ids.numpy(), "attention_mask": mask.numpy()})
    expected = network.network(input_ids=ids, attention_mask=mask)[:, [2, 0, 1]]
    np.testing.assert_allclose(found, expected.detach().numpy(), atol=1e-5)
