"""Bundle = student: within the tolerance, and int8 only where it is smaller, faster and of one opinion."""

import dataclasses
import tomllib
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from tokenizers import Tokenizer

import limbeck
from limbeck.bundle import Student, export_onnx, int8, parity, precision, write_bundle
from limbeck.bundle.int8 import quantize_int8
from limbeck.bundle.precision import Agreement, Trial, compare_decisions, divide
from limbeck.bundle.write import BRINGS
from limbeck.evaluation import Speed
from limbeck.evaluation.records import Difference
from limbeck.modalities.text import TextModality, TextReads
from limbeck.modalities.text.tokenizers import WordTokenizerSettings, word_tokenizer
from limbeck.models import build_model
from limbeck.models.ngrams import NgramsSettings
from limbeck.models.recurrent import BiLSTMSettings
from limbeck.models.textcnn import TextCNNSettings
from limbeck.pipeline.training.views import View
from limbeck.runtime import TextReader
from limbeck.runtime.decisions import RULES
from limbeck.runtime.network import OnnxNetwork
from limbeck.trainer import predict_logits

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")

WORDS = [f"word{index}" for index in range(60)]
RULE = RULES["classification"]({})
CARD = {
    "name": "test", "sentence": "", "table": [["", "accuracy"]], "test_examples": 0, "seeds": [0], "seed": 0,
    "recipe_yaml": "",
    "until": None,
    "served": [],
    "units": None,
    "data": {"source": "", "target": None, "labelled": 0, "unlabelled": 0, "augmented": 0, "validation": 0, "test": 0},
    "citations": [],
    "usage": TextModality.usage, "outputs": "2 classes", "noun": "classes",
}  # fmt: skip


def texts(rows=300):
    draw = np.random.default_rng(0)
    return [" ".join(draw.choice(WORDS, draw.integers(0, 20))) for _ in range(rows)]


class Finished:
    """A network with clear opinions, exported, and what it says in PyTorch."""

    def __init__(self, settings, folder):
        reader = TextReader(word_tokenizer(texts(), WordTokenizerSettings()), max_length=12, tail=5)
        torch.manual_seed(0)
        self.network = build_model(settings, outputs=3, form=reader.form).eval()
        with torch.no_grad():
            for parameter in self.network.parameters():
                parameter.mul_(3)
        self.view, self.folder = View(TextReads(), reader, None), folder
        self.model = folder / "fp32.onnx"
        export_onnx(self.network, self.model, *self.view.example)
        # Untrained networks are undecided about most texts; trained ones are not.
        drawn = texts(5200)
        best = np.sort(self.says(drawn), axis=1)
        clear = [drawn[row] for row in np.argsort(best[:, -2] - best[:, -1], kind="stable")[:2600]]
        self.samples, self.unlabelled = clear[::13], clear

    def says(self, rows):
        return predict_logits(self.network, self.view.rows(rows)).numpy()

    def deliver(self, rows=2600, **changes):
        student = Student(
            model=self.model, says=self.says, runner=self.view.runner, reader=self.view.reader, labels=["a", "b", "c"],
            task="classification",
        )  # fmt: skip
        return write_bundle(
            self.folder / "bundle", dataclasses.replace(student, **changes), samples=self.samples,
            unlabelled=self.unlabelled[:rows], card=CARD, scratch=self.folder,
        )  # fmt: skip


@pytest.fixture(scope="module")
def students(tmp_path_factory):
    settings = {
        "ngrams": NgramsSettings(dim=16, buckets=512),
        "bilstm": BiLSTMSettings(dim=32, hidden=64, pooling="mean_max"),
        "textcnn": TextCNNSettings(dim=64, filters=32),
    }
    return {name: Finished(value, tmp_path_factory.mktemp(name)) for name, value in settings.items()}


def speed(seconds, busy=1.0):
    return Speed(1000 * seconds, 1000 * seconds, 1 / seconds, busy, (seconds,))


@pytest.fixture
def faster(monkeypatch):
    """Say which precision is faster: that is a measurement, and no test should depend on one."""

    def say(name, busy=1.0):
        def measured(runners, samples):
            return {each: speed(0.001 if each == name else 0.002, busy) for each in runners}

        monkeypatch.setattr(precision, "measure_all", measured)

    return say


def in_batches(answer, rows, size):
    return np.concatenate([answer(rows[start : start + size]) for start in range(0, len(rows), size)])


@pytest.mark.parametrize("name", ["ngrams", "bilstm"])
def test_the_fp32_bundle_says_what_the_student_says(students, faster, name):
    faster("fp32")
    student = students[name]
    delivery = student.deliver(rows=2499)
    choice = delivery.choice
    assert (choice.precision, delivery.fp32.exceptions, choice.agreement.rows) == ("fp32", 0, 200)
    assert "not enough rows to compare decisions on (1,999 of 2,000" in choice.why
    other = ["word1 word2", "", "unknown words only", *texts(50)]
    loaded = limbeck.load(student.folder / "bundle")
    assert parity(student.says(other), loaded.logits(other), RULE).exact
    for size in (1, 7):
        assert np.abs(student.says(other) - in_batches(loaded.logits, other, size)).max() <= 1e-4


def test_the_int8_bundle_decides_as_the_student_does(students, faster):
    faster("int8", busy=1.4)
    student = students["textcnn"]
    choice = student.deliver().choice
    assert (choice.precision, choice.agreement.rows) == ("int8", 2100)
    assert choice.agreement.low >= 0.995
    loaded = limbeck.load(student.folder / "bundle")
    assert loaded.info["precision"] == "int8"
    assert loaded.info["instructions"] == choice.instructions
    rows = student.unlabelled
    found = parity(student.says(rows), loaded.logits(rows), RULE)
    assert found.agreement > 0.998
    assert found.max_abs_error > 1e-4, "it is really int8"
    assert (student.folder / "bundle/model.onnx").stat().st_size < 0.6 * student.model.stat().st_size
    card = (student.folder / "bundle/README.md").read_text()
    assert f"of 2,100 unlabelled rows (95 % lower bound {100 * choice.agreement.low:.2f} %)" in card
    assert f"measured on {choice.instructions}" in card
    assert "The machine was busy when it was measured (wall over processor time 1.40)" in card


def test_the_card_says_what_validation_has_shown_and_what_is_installed(students, faster):
    """Of one probability the highest share alone, which the lower ones would only repeat."""
    faster("fp32")
    of = {"0.8": (0.0, 1.0), "0.9": (0.0, 1.0), "0.95": (0.62, 0.75), "0.99": (0.62, 0.75)}
    sure = {share: {"probability": one, "answered": rows} for share, (one, rows) in of.items()}
    student = students["ngrams"]
    student.deliver(rows=0, decision={"confidences": sure})
    card = (student.folder / "bundle/README.md").read_text()
    assert [line for line in card.splitlines() if "--threshold" in line] == [
        "- At least 90 % of all validation answers were right (`--threshold 90%`).",
        "- At least 99 % of the validation answers with a probability of at least 0.62 were right; 75 % of the rows "
        "have one (`--threshold 99%`).",
    ]
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {name.partition(">")[0] for name in project["dependencies"]} == set(BRINGS)
    assert f"({', '.join(BRINGS)})." in card
    assert "`limbeck evaluate bundle DATA`.\n" in card
    assert "distill" not in card.partition("# Limits")[2]


@pytest.mark.parametrize("name", ["ngrams", "bilstm", "textcnn"])
def test_an_int8_answer_depends_on_its_row_alone(students, name, tmp_path):
    """Ranges are constants: dynamic ones are those of the batch, which moves logits by hundredths."""
    student = students[name]
    reader, rows = student.view.reader, student.unlabelled[:600]
    quantize_int8(student.model, tmp_path / "int8.onnx", precision._batches(reader, student.unlabelled[600:]))
    answer = student.view.runner(tmp_path / "int8.onnx")
    alone, together = (in_batches(answer, rows, size) for size in (1, 64))
    backwards = in_batches(answer, rows[::-1], 64)[::-1]
    assert np.abs(alone - together).max() <= 1e-4
    assert np.abs(alone - backwards).max() <= 1e-4
    assert np.abs(alone - student.says(rows)).max() > 1e-4, "it is really int8"


def test_products_cannot_saturate_and_tables_are_whole(students, tmp_path):
    student = students["textcnn"]
    quantize_int8(student.model, tmp_path / "int8.onnx", precision._batches(student.view.reader, texts(50)))
    graph = onnx.load(tmp_path / "int8.onnx").graph
    found = {each.name: onnx.numpy_helper.to_array(each) for each in graph.initializer}
    weights = {name: value for name, value in found.items() if value.dtype == np.int8 and value.ndim}
    tables = {node.input[0] for node in graph.node if node.op_type == "Gather"} & weights.keys()
    ranges = {name: int(np.abs(value.astype(int)).max()) for name, value in weights.items() if value.any()}
    assert {ranges.pop(name) for name in tables} == {127}
    assert len(ranges) == 3, "the convolutions"
    assert max(ranges.values()) <= 64


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sizes": {"fp32": 10, "int8": 10}}, "not smaller"),
        ({"speeds": {"fp32": speed(0.100), "int8": speed(0.093)}}, "not faster (0.93 of the processor time of fp32"),
        ({"apart": 1.1e-4}, "a row's outputs change by up to 1.1e-04 with the rows beside it"),
        ({"apart": float("nan")}, "a row's outputs change by up to nan"),
        ({"agreement": precision._agreement(1995, 2000)}, "same decision on 99.75% of 2,000 unlabelled rows"),
    ],
)
def test_int8_that_fails_in_one_thing_is_left_and_the_sentence_says_in_which(changes, said):
    good = Trial(
        {"fp32": 10, "int8": 9}, {"fp32": speed(0.1), "int8": speed(0.09)}, precision._agreement(1996, 2000), 1e-4
    )
    assert good.failed == []
    assert good.sentence.startswith("int8 was taken: smaller, faster, same decision on 99.80% of 2,000")
    bad = dataclasses.replace(good, **changes)
    assert len(bad.failed) == 1
    assert bad.sentence.startswith(f"int8 was left: {said}")


@pytest.mark.parametrize(("low", "taken"), [(-0.0049, True), (-0.005, False), (float("nan"), False)])
def test_where_a_metric_judges_int8_it_may_cost_less_than_half_a_point(low, taken):
    gain = Difference(metric="accuracy", mean=0.001, ci95=(low, 0.006))
    trial = Trial(
        {"fp32": 10, "int8": 9}, {"fp32": speed(0.1), "int8": speed(0.09)}, precision._agreement(1900, 2000), 1e-4,
        gain=gain, metric="accuracy on 1,000 validation rows",
    )  # fmt: skip
    assert bool(trial.failed) != taken
    assert trial.sentence.startswith("int8 was taken: smaller, faster, " if taken else "int8 was left: ")
    assert "accuracy on 1,000 validation rows +0.10 points (95 % interval " in trial.sentence
    assert ("lower end has to be above -0.5 points" in trial.sentence) == (not taken)


def test_a_metric_is_asked_of_the_answers_to_the_validation_rows(students, faster, monkeypatch):
    faster("int8")
    student, asked = students["textcnn"], []

    def gains(one, other):
        asked.append((one, other))
        return Difference(metric="accuracy", mean=-0.01, ci95=(-0.02, 0.0))

    few = student.deliver(gains=gains, metric="accuracy").choice
    assert "not enough rows to compare the accuracy on (200 of 600 validation rows)" in few.why
    monkeypatch.setattr(precision, "LABELLED", 200)
    choice = student.deliver(gains=gains, metric="accuracy").choice
    assert choice.precision == "fp32", "its decisions are the same: that does not judge"
    assert "accuracy on 200 validation rows -1.00 points" in choice.why
    [(one, other)] = asked
    np.testing.assert_array_equal(other, student.says(student.samples))
    assert 0 < np.abs(one - other).max() < 1


def test_the_bound_is_clopper_and_pearsons():
    """Of a share of 1 it is the number whose power is 0.05; of others the binomial tail of that weight."""
    from scipy.stats import binom

    assert precision._agreement(2000, 2000).low == pytest.approx(0.05 ** (1 / 2000))
    low = precision._agreement(1990, 2000).low
    assert binom.sf(1989, 2000, low) == pytest.approx(0.05)
    assert precision._agreement(0, 10) == Agreement(0.0, 0.0, 10)


def test_decisions_are_compared_alone_batched_and_shuffled():
    rows = list(range(300))

    def says(asked):
        return np.stack([np.zeros(len(asked)), np.ones(len(asked))], axis=1)

    def exported(wrong):
        def answer(asked):
            logits = says(asked)
            logits[wrong(np.asarray(asked)), 1] = -1
            return logits

        return answer

    def told(wrong):
        agreement, apart = compare_decisions(says, exported(wrong), rows, RULE)
        return round(300 * agreement.share), apart

    assert told(lambda asked: asked < 0) == (300, 0)
    assert told(lambda asked: asked < 6) == (294, 0)
    assert told(lambda asked: (asked < 6) & (len(asked) == 1)) == (294, 2)
    assert told(lambda asked: (asked < 6) & (len(asked) > 1)) == (294, 2)
    # In batches in order no 5 stands beside a 290.
    equal, apart = told(lambda asked: (asked < 6) & (asked.max() - asked.min() > 64))
    assert (equal, apart) == (294, 2)


@pytest.mark.parametrize("rows", [2500, 4321, 5500, 20_000])
def test_ranges_are_set_on_rows_on_which_nothing_is_compared(rows):
    calibrating, compared = divide([str(row) for row in range(rows)])
    assert len(calibrating) == 500
    assert len(compared) == min(rows - 500, 5000)
    assert len({*calibrating, *compared}) == 500 + len(compared)
    for part in (calibrating, compared):
        assert max(map(int, part)) > 0.8 * rows
        assert part == sorted(part, key=int)


def test_of_arrays_there_are_no_rows_to_compare(students, faster):
    faster("int8")
    choice = students["ngrams"].deliver(rows=0).choice
    assert "(0 of 2,000 unlabelled ones" in choice.why


def test_int8_that_decides_otherwise_is_left(students, faster):
    """8 of 2,100 decisions are too many."""
    faster("int8")
    student = students["textcnn"]
    _, compared = divide(student.unlabelled)
    wrong = set(compared[:8])

    def runner(file: Path):
        honest = student.view.runner(file)

        def answer(rows):
            logits = honest(rows)
            if file.name == "int8.onnx":
                flipped = [row in wrong for row in rows]
                logits[flipped] = -logits[flipped]
            return logits

        return answer

    delivery = student.deliver(runner=runner)
    assert delivery.choice.precision == "fp32"
    assert delivery.choice.agreement == precision._agreement(200, 200), "of what ships, on validation rows"
    assert "int8 was left: same decision on 99.62% of 2,100 unlabelled rows" in delivery.choice.why


def test_an_export_that_says_something_else_is_not_delivered(students):
    student = students["ngrams"]

    def says(rows):
        logits = student.says(rows)
        logits[7] += np.array([0.0, 2e-4, 0.0], np.float32)
        return logits

    with pytest.raises(ValueError, match=r"differs from the PyTorch student by up to 2\.0e-04"):
        student.deliver(says=says)


def test_files_are_timed_on_one_thread(students):
    asked = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "limbeck.pipeline.training.views.OnnxNetwork",
            lambda *a, **k: asked.append(OnnxNetwork(*a, **k)) or asked[0],
        )
        students["ngrams"].view.runner(students["ngrams"].model)
    options = asked[0].session.get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("processor : 0\nflags\t\t: fpu avx2 avx512f avx512_vnni\n", "machine, avx2, avx512, avx512_vnni"),
        ("Features\t: fp asimd asimddp\n", "machine, dotprod"),
        (None, "machine"),
    ],
)
def test_the_instruction_set_is_read_where_the_system_tells(lines, said, monkeypatch):
    def read_text(self, encoding):
        if lines is None:
            raise FileNotFoundError
        return lines

    monkeypatch.setattr(int8.Path, "read_text", read_text)
    monkeypatch.setattr(int8.platform, "machine", lambda: "machine")
    assert int8.instructions() == said


def test_the_file_is_checked_onnx_without_pickles(students):
    onnx.checker.check_model(str(students["bilstm"].model))
    assert isinstance(Tokenizer.from_str(students["bilstm"].view.reader.tokenizer_json), Tokenizer)


def test_a_table_that_enters_a_product_too_stays_as_it_is():
    """As the embeddings of a network with tied weights."""
    tables = {name: np.ones((50, 40), np.float32) for name in ("looked up", "tied")}
    graph = onnx.helper.make_graph(
        [
            onnx.helper.make_node("Gather", ["looked up", "ids"], ["first"]),
            onnx.helper.make_node("Gather", ["tied", "ids"], ["second"]),
            onnx.helper.make_node("MatMul", ["tied", "first"], ["third"]),
        ],
        "tied",
        [],
        [],
        [onnx.numpy_helper.from_array(value, name) for name, value in tables.items()],
    )
    int8._quantize_tables(graph)
    kinds = {each.name: onnx.numpy_helper.to_array(each).dtype.name for each in graph.initializer}
    assert kinds == {"looked up": "int8", "looked up_scale": "float32", "tied": "float32"}
