"""Every network exports with any number of rows and tokens, and both engines agree."""

import pytest
import torch
from model_cases import CASES, case_id, export, network_for, parity, save_bert

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
