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
def test_recurrent_weights_are_constants_of_one_node_a_direction(name, node, tmp_path):
    """Int8 quantization skips an LSTM whose weights are computed in the graph."""
    import onnx

    export(network_for(name, {"hidden": 4}, None), tmp_path / "model.onnx")
    graph = onnx.load(tmp_path / "model.onnx").graph
    constants = {tensor.name for tensor in graph.initializer}
    nodes = [n for n in graph.node if n.op_type == node]
    assert len(nodes) == 2
    assert all(set(n.input[1:4]) <= constants for n in nodes)
