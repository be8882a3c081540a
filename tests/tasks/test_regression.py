"""Values: their units inside and outside of networks, and how they are read."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from limbeck.bundle import export_onnx
from limbeck.data import DataOptions, Labels
from limbeck.distiller import Distiller
from limbeck.errors import LimbeckError
from limbeck.losses import RegressionKD, SquaredError
from limbeck.runtime.decisions import RULES
from limbeck.runtime.network import OnnxNetwork
from limbeck.runtime.rows import Stacked
from limbeck.tasks import RegressionSettings
from limbeck.tasks.regression import Regression
from limbeck.tasks.regression.numbers import read_tensor
from limbeck.tasks.regression.units import InUnits
from limbeck.types import Batch, Outputs
from limbeck.update import parameter_groups

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
OPTIONS = DataOptions(source="made", label="score")


def learned(values: list, **settings):
    return RegressionSettings(**settings).learn(values, None, OPTIONS, "made")


class Network(nn.Module):
    def __init__(self, outputs: int = 1) -> None:
        super().__init__()
        self.head = nn.Linear(3, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(x)


class Fixed:
    """A teacher that always answers so."""

    digest = "fixed"

    def __init__(self, values: torch.Tensor) -> None:
        self.values = values

    def predict(self, batch: Batch) -> Outputs:
        return Outputs(self.values)


def test_the_scale_is_of_the_rows_that_are_learned_from() -> None:
    """Not of the whole column: the labels of validation and test rows are nobody's to know."""
    task = learned([0.0, 1000.0, 5.0, 7.0])
    fitted = task.fit(Labels(np.array([[4.0], [8.0], [99.0]]), np.array([True, True, False])))
    assert (fitted.mean.tolist(), fitted.scale.tolist()) == ([6.0], [2.0])
    assert fitted.decision == {"spread": [2.0]}


@pytest.mark.parametrize("shift", [0.0, 1e6])
def test_losses_compare_in_standard_deviations(shift: float) -> None:
    """Student, teacher and labels alike; the same whatever the unit, also of large values close to each other."""
    labels = np.array([[1.0], [3.0], [5.0]]) * 250 + shift
    task = learned(labels[:, 0].tolist()).fit(Labels(labels, np.ones(3, np.bool_)))
    scale = labels.std()
    batch = task.frame(Batch(torch.arange(3), {}, torch.from_numpy(labels)))
    student = torch.tensor(labels + 125).float()
    sums = (1.0 * SquaredError()).sums(Outputs(task.seen(student)), None, batch)
    assert float(sums["squared_error"]) == pytest.approx(3 * 0.5 * (125 / scale) ** 2, rel=1e-3)
    teacher = torch.tensor(labels - 125).float()
    distiller = Distiller(Network(), 1.0 * RegressionKD(), Fixed(teacher), seen=task.seen)
    framed = Batch(batch.ids, {"x": torch.zeros(3, 3)}, batch.labels, mask=batch.mask)
    with torch.no_grad():
        distiller.student.head.weight.zero_()
        distiller.student.head.bias.fill_(float(labels.mean()))
        found = distiller.step(framed)["regression_kd"]
    expected = sum(0.5 * ((labels.mean() - (each - 125)) / scale) ** 2 for each in labels[:, 0])
    assert float(found) == pytest.approx(expected, rel=1e-3)


def test_the_onnx_file_gives_the_labels_units(tmp_path: Path) -> None:
    network = InUnits(Network(2), np.array([100.0, -3.0]), np.array([20.0, 0.5])).eval()
    x = torch.randn(6, 3)
    export_onnx(network, tmp_path / "m.onnx", {"x": x}, {"x": {0: "batch"}})
    found = OnnxNetwork(tmp_path / "m.onnx").logits(Stacked({"x": x.numpy()}))
    expected = network.network(x).detach().numpy() * [20.0, 0.5] + [100.0, -3.0]
    assert np.abs(found - expected).max() < 1e-4
    assert set(network.state_dict()) == {"network.head.weight", "network.head.bias", "mean", "scale"}


def test_a_finished_network_is_what_it_was_to_taps_optimizer_and_export() -> None:
    bare = Network()
    bare.no_onnx = "because"
    network = InUnits(bare, np.zeros(1), np.ones(1))
    assert network.tapped is bare
    assert network.no_onnx == "because"
    distiller = Distiller(network, 1.0 * SquaredError())
    from limbeck.networks import TrainSettings

    groups = parameter_groups(distiller.trainable, TrainSettings(lr=0.1, head_lr_scale=20))
    assert {group["lr"] for group in groups} == {2.0}


def test_half_precision_ends_before_the_units() -> None:
    """1,950 has no neighbour in bfloat16 but 1,944 and 1,960."""
    network = InUnits(Network(), np.array([1950.0]), np.array([30.0]))
    with torch.autocast("cpu", torch.bfloat16):
        found = network(x=torch.randn(50, 3))
    assert found.dtype == torch.float32
    assert len(found.unique()) > 25


def test_huber_is_what_labels_teach_where_delta_is_set() -> None:
    assert repr(learned([1.0, 2.0]).hard) == "1.0 * squared_error()"
    assert repr(learned([1.0, 2.0], delta=0.5).hard) == "1.0 * huber(delta=0.5)"


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ([1.0, 2.0, "abc"], "row 3 has `abc`, which is no number"),
        ([1.0, float("inf"), 2.0], "row 2 has `inf`, which is infinite"),
        ([1.0, "-Infinity", 2.0], "row 2 has `-Infinity`, which is infinite"),
        ([True, False], "row 1 has `True`, which is no number"),
        ([1.0, [2.0]], "row 2 has `[2.0]`, which is no number"),
        ([3.0, 3.0, None], "all 2 rows with a label have 3"),
        ([None, float("nan"), " "], "no row has a label"),
    ],
)
def test_what_is_no_number_is_one_line(cells: list, words: str) -> None:
    with pytest.raises(LimbeckError) as refused:
        learned(cells)
    assert words in str(refused.value)
    assert refused.value.fix


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (
            [1e12 + row % 3 for row in range(9)],
            "deviation of 0.816497 around 1e+12, where float32 has steps of 65536; sub",
        ),
        (
            [-1e39, 1.0],
            "all 2 rows with a label have values up to 1e+39, too large for float32; write them in a larger",
        ),
        ([1e200, 3e200], "have values up to 3e+200, too large for float32"),
        ([1e-40, 3e-40], "have a standard deviation of 1e-40, too small for float32; write them in a smaller unit"),
        (
            [1e9, 1e9 + 200],
            "of 100 around 1000000100, where float32 has steps of 64; subtract an offset, such as 1000000000",
        ),
    ],
)
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_what_float32_does_not_show_is_refused(cells: list, words: str) -> None:
    """Such a run ended with the loss NaN, or without a word and far behind a constant."""
    with pytest.raises(LimbeckError) as refused:
        learned(cells)
    assert words in str(refused.value)


@pytest.mark.parametrize("cells", [[1e9, 1e9 + 1000], [1e-25, 3e-25], [1e25, 3e25], [-1e6, 1.0], [0.0, 1e-20]])
def test_what_float32_does_show_is_learned(cells: list) -> None:
    assert learned(cells).columns == ("score",)


def test_missing_values_and_numbers_in_texts() -> None:
    options = DataOptions(source="made", label="score", missing=(-999,))
    task = RegressionSettings().learn([1, "2.5", None, -999.0, "nan", np.float32(4)], None, options, "made")
    labels = task.labels([1, "2.5", None, -999.0, "nan", np.float32(4)], "made")
    assert labels.present.tolist() == [True, True, False, False, False, True]
    assert labels.known[:, 0].tolist() == [1.0, 2.5, 4.0]


def test_a_row_with_some_of_its_values_is_refused() -> None:
    options = DataOptions(source="made", label=("a", "b"))
    with pytest.raises(LimbeckError, match=r"row 2 has a value in `b` and none in `a`"):
        RegressionSettings().learn([(1.0, 2.0), (None, 3.0)], None, options, "made")


def test_values_of_a_loader() -> None:
    values, has = read_tensor([1.0, float("nan"), 3.0])
    assert (values.tolist(), has.tolist()) == ([[1.0], [0.0], [3.0]], [True, False, True])
    for wrong in (["a"], [[1.0, float("nan")]], [float("inf")], [[[1.0]]]):
        with pytest.raises(LimbeckError):
            read_tensor(wrong)


@pytest.mark.parametrize("written", ["1_000", "\u0661\u0662", "0x10"])
def test_numbers_of_python_only_are_no_values(written: str) -> None:
    with pytest.raises(LimbeckError, match="which is no number"):
        learned(["1.5", " 2e3 ", written])


def test_answers_differ_where_one_of_their_values_does() -> None:
    differ = RULES["regression"]({"spread": [1.0, 100.0]}).differ
    one = np.zeros((3, 2), np.float32)
    assert differ(one, np.array([[0.009, 0.9], [0.009, 50.0], [0.5, 0.9]], np.float32)).tolist() == [False, True, True]


def test_an_error_is_relative_to_its_own_column() -> None:
    error = RULES["regression"]({"spread": [2.0, 2.0]}).error
    one = np.array([[1000.0, 1.0]], np.float32)
    assert error(one, one + np.array([[0.0, 1.0]], np.float32)) == 0.5
    assert error(one, one + np.array([[10.0, 0.0]], np.float32)) == pytest.approx(0.01)


def test_columns_are_solved_in_standard_deviations_from_the_mean() -> None:
    labels = Labels(np.array([[0.0, 10.0], [0.0, 20.0], [9.0, 30.0]]), np.ones(3, np.bool_))
    task = Regression(("a", "b")).fit(labels)
    assert task.mean.tolist() == [3.0, 20.0]
    first, second = (column.values for column in task.solved_columns(labels))
    assert first == pytest.approx([-(0.5**0.5), -(0.5**0.5), 2**0.5])
    assert second == pytest.approx([-(1.5**0.5), 0.0, 1.5**0.5])
