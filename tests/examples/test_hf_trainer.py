"""`num_items_in_batch` respected: a batch may be split in any way."""

import inspect
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from example_files import load
from safetensors.torch import load_file
from torch.nn.functional import cross_entropy, kl_div, log_softmax, softmax

example = load("hf_trainer")

ROWS, STEPS = 24, 3
UNEVEN = [0, 1, 2, 3, 5, 8, 11, 12, 13, 14, 15, 16, 23]
"""Rows with a label: 3 of the first 8 in the first pair; some pairs have two, some one, some none."""
SPLITS = {1: (8, 1), 2: (4, 2), 4: (2, 4)}


class Means(example.DistillingTrainer):
    """What one would write first: the mean of the micro-batch."""

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        labels = inputs.pop("labels")
        z_S, z_T = model(**inputs).logits, self.teacher(**inputs).logits
        soft = 4 * kl_div(log_softmax(z_S / 2, -1), softmax(z_T / 2, -1), reduction="batchmean")
        known = labels != -100
        hard = cross_entropy(z_S[known], labels[known]) if known.any() else 0.0
        return 0.9 * soft + 0.1 * hard


class AveragedMeans(Means):
    loss_is_scaled_for_ga = False


class Plain(torch.nn.Module):
    """A student whose `forward` takes no `**kwargs`."""

    def __init__(self):
        super().__init__()
        self.bert = example.network(layers=1, seed=1)

    def forward(self, input_ids, labels=None):
        return self.bert(input_ids=input_ids)


def dataset():
    rows = example.dataset(ROWS, ROWS, seed=5)
    for index in set(range(ROWS)) - set(UNEVEN):
        rows[index]["labels"].fill_(example.UNLABELLED)
    return rows


def trained(folder, parts, *, kind=example.DistillingTrainer, student=None, rows=None):
    """Return the weights after training on batches of 8, each in `parts` micro-batches, in float64."""
    size, steps = SPLITS[parts]
    student = student or example.network(layers=1, seed=1)
    settings = example.arguments(
        str(folder),
        per_device_train_batch_size=size,
        gradient_accumulation_steps=steps,
        num_train_epochs=1,
        train_sampling_strategy="sequential",
    )
    teacher = example.network(layers=2, seed=0).double()
    torch.nn.init.normal_(teacher.classifier.weight)
    trainer = kind(model=student.double(), args=settings, train_dataset=rows or dataset(), teacher=teacher)
    assert trainer.train().global_step == STEPS
    return {name: value.detach().clone() for name, value in student.named_parameters()}


def furthest(left, right):
    return max((left[name] - right[name]).abs().max().item() for name in left)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("whole"), 1)


def test_compute_loss_has_at_most_fifteen_lines():
    assert len(inspect.getsource(example.DistillingTrainer.compute_loss).splitlines()) <= 15


def test_the_whole_batch_is_what_plain_torch_says(tmp_path, whole):
    assert furthest(trained(tmp_path, 1, kind=Means), whole) < 1e-12


@pytest.mark.parametrize("parts", [2, 4])
def test_micro_batches_with_unequal_labels_end_in_the_same_weights(tmp_path, whole, parts):
    assert furthest(trained(tmp_path, parts), whole) < 1e-9


@pytest.mark.parametrize("kind", [Means, AveragedMeans])
def test_means_of_micro_batches_do_not(tmp_path, whole, kind):
    """Taken as they are, they add up; divided by their number, they are averages of averages."""
    assert furthest(trained(tmp_path, 4, kind=kind), whole) > 1e-4


def test_the_last_step_of_an_epoch_may_be_short(tmp_path, whole):
    """20 rows are two batches of 8 and one of 4: the divisors are those of what was drawn."""
    rows = dataset()[:20]
    left, right = (trained(tmp_path, parts, rows=rows) for parts in (1, 4))
    assert furthest(left, right) < 1e-9
    assert furthest(left, whole) > 1e-4


def test_a_step_without_any_label_is_one_of_kd_alone(tmp_path):
    rows = dataset()
    for row in rows[8:]:
        row["labels"].fill_(example.UNLABELLED)
    found = [trained(tmp_path, parts, rows=rows) for parts in (1, 4)]
    assert all(torch.isfinite(value).all() for value in found[0].values())
    assert furthest(*found) < 1e-9


def test_a_model_without_keyword_arguments_is_counted_alike(tmp_path, whole):
    found = trained(tmp_path, 4, student=Plain())
    assert furthest({name.removeprefix("bert."): value for name, value in found.items()}, whole) < 1e-9


def test_the_teacher_stays_as_it_is(tmp_path):
    student, teacher = example.network(layers=1, seed=1), example.network(layers=2, seed=0)
    before = {name: value.clone() for name, value in teacher.state_dict().items()}
    settings = example.arguments(str(tmp_path), per_device_train_batch_size=8, max_steps=2, weight_decay=0.1)
    trainer = example.DistillingTrainer(model=student, args=settings, train_dataset=dataset(), teacher=teacher)
    trainer.train()
    assert not teacher.training
    assert student.training
    assert all(torch.equal(value, before[name]) for name, value in teacher.state_dict().items())
    optimized = {id(p) for group in trainer.optimizer.param_groups for p in group["params"]}
    assert optimized == {id(p) for p in student.parameters()}


def test_evaluation_divides_by_its_own_rows(tmp_path):
    """The count of the last training step is not the count of a batch that is evaluated."""
    settings = example.arguments(
        str(tmp_path),
        per_device_train_batch_size=2,
        gradient_accumulation_steps=4,
        max_steps=1,
        per_device_eval_batch_size=3,
    )
    student, teacher = example.network(layers=1, seed=1), example.network(layers=2, seed=0)
    trainer = example.DistillingTrainer(model=student, args=settings, train_dataset=dataset(), teacher=teacher)
    trainer.train()
    rows = dataset()[:3]
    inputs = {"input_ids": torch.stack([row["input_ids"] for row in rows])}
    with torch.no_grad():
        z_S, z_T = student.eval()(**inputs).logits, teacher(**inputs).logits
    soft = 4 * kl_div(log_softmax(z_S / 2, -1), softmax(z_T / 2, -1), reduction="batchmean")
    hard = cross_entropy(z_S, torch.stack([row["labels"] for row in rows]))
    assert trainer.evaluate(rows)["eval_loss"] == pytest.approx((0.9 * soft + 0.1 * hard).item(), rel=1e-5)


@pytest.mark.slow
def test_two_processes_end_in_the_same_weights(tmp_path):
    script = Path(__file__).with_name("two_processes.py")
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    for command in ([sys.executable, script, tmp_path], [sys.executable, *launch, script, tmp_path]):
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr
    found = [load_file(tmp_path / f"{processes}.safetensors") for processes in (1, 2)]
    assert furthest(*found) < 1e-9
