"""Networks of images as files: any number of rows, bytes in, and the same answers from both engines and in int8."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from model_cases import IMAGES, case_id, cases_of, network_for

from limbeck.bundle.export import export_onnx
from limbeck.bundle.int8 import quantize_int8
from limbeck.types import tensors

CASES = cases_of("image")
FAST = [CASES.index(case) for case in CASES if case[0] not in [name for name, _ in CASES[: CASES.index(case)]]]
"""The first case of each network."""


def draw(count, seed=0):
    shape = (count, IMAGES.height, IMAGES.width, IMAGES.channels)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def trained(case):
    """Return a network whose batch norms have seen images, away from its small initial values."""
    network = network_for(*case, None).train()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(1.5)
        for seed in range(30):
            network(torch.from_numpy(draw(32, seed)))
    return network.eval()


def ask(path, pixels):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, {"pixels": pixels})[0]


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=case_id(case), marks=[] if number in FAST else [pytest.mark.slow])
        for number, case in enumerate(CASES)
    ],
)
def test_files_agree_with_pytorch(case, tmp_path):
    network = trained(case)
    export_onnx(network, tmp_path / "model.onnx", tensors(IMAGES.example), IMAGES.axes)
    (given,) = onnx.load(tmp_path / "model.onnx").graph.input
    assert given.type.tensor_type.elem_type == onnx.TensorProto.UINT8
    with torch.no_grad():
        expected = network(torch.from_numpy(draw(40))).numpy()
    assert np.ptp(expected, axis=0).min() > 1e-3, "rows that hardly differ would agree anyway"
    for count in (1, 2, 7, 40):
        found = ask(tmp_path / "model.onnx", draw(40)[:count])
        np.testing.assert_allclose(found, expected[:count], atol=1e-5, rtol=1e-5)

    quantize_int8(tmp_path / "model.onnx", tmp_path / "int8.onnx", [{"pixels": draw(32, seed)} for seed in range(3)])
    types = {one.data_type for one in onnx.load(tmp_path / "int8.onnx").graph.initializer}
    assert onnx.TensorProto.INT8 in types
    coarse = ask(tmp_path / "int8.onnx", draw(40))
    assert np.abs(coarse - expected).max() < 0.5 * expected.std(axis=0).max()
    alone = np.concatenate([ask(tmp_path / "int8.onnx", draw(40)[row : row + 1]) for row in range(3)])
    np.testing.assert_allclose(alone, coarse[:3], atol=1e-5)
