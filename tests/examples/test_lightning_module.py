"""The teacher stays out of Lightning's hands."""

import pytest
import torch
from example_files import load
from torch import nn

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*LeafSpec.* is deprecated:FutureWarning",  # Lightning, of torch
    "ignore:.*does not have many workers.*",
)

example = load("lightning_module")


class Watched(example.Classifier):
    """Remembers how it was called."""

    def __init__(self, **sizes):
        super().__init__(**sizes)
        self.calls = []

    def forward(self, x):
        self.calls.append((self.training, self.layers[2].training, torch.is_grad_enabled()))
        return super().forward(x)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Train a student for two epochs with dropout in both networks."""
    torch.manual_seed(0)
    teacher, student = Watched(width=32, seed=0).eval(), Watched(width=8, seed=1)
    loader = example.DataLoader(example.rows(40, 10, teacher, seed=3), batch_size=8, collate_fn=example.collate)
    module = example.Distillation(student, teacher, 0.9 * example.KD() + 0.1 * example.CrossEntropy())
    before = {name: value.clone() for name, value in teacher.state_dict().items()}
    first = {name: value.clone() for name, value in student.state_dict().items()}
    teacher.calls.clear()
    quiet = {
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
    }
    folder = tmp_path_factory.mktemp("lightning")
    trainer = example.lightning.Trainer(max_epochs=2, accelerator="cpu", default_root_dir=folder, **quiet)
    trainer.fit(module.train(), loader)
    trainer.save_checkpoint(folder / "last.ckpt")
    return module, teacher, before, first, trainer, folder / "last.ckpt"


def test_the_module_and_its_checkpoint_hold_the_student_alone(finished):
    module, teacher, _, _, trainer, path = finished
    students = {f"student.{name}" for name in teacher.state_dict()}
    assert set(module.state_dict()) == students
    assert {name for name, _ in module.named_parameters()} == students
    checkpoint = torch.load(path, weights_only=True)
    assert set(checkpoint["state_dict"]) == students
    taught = {id(parameter) for parameter in teacher.parameters()}
    optimized = {id(p) for group in trainer.optimizers[0].param_groups for p in group["params"]}
    assert optimized == {id(parameter) for parameter in module.student.parameters()}
    assert not optimized & taught


def test_the_teacher_answers_in_evaluation_mode_and_is_not_trained(finished):
    module, teacher, before, first, _, _ = finished
    assert module.training
    assert module.student.calls == [(True, True, True)] * 10
    assert teacher.calls == [(False, False, False)] * 10
    assert not teacher.training
    assert all(torch.equal(value, before[name]) for name, value in teacher.state_dict().items())
    assert all(parameter.grad is None for parameter in teacher.parameters())
    assert not all(torch.equal(value, first[name]) for name, value in module.student.state_dict().items())


def test_a_mode_that_is_set_on_the_whole_module_does_not_reach_the_teacher(finished):
    module, teacher = finished[:2]
    module.eval()
    module.train()
    assert module.student.training
    assert not teacher.training


def test_a_teacher_that_is_an_attribute_would_be_found(finished):
    """What the example avoids: registered as an attribute, it is in the checkpoint and in training mode."""
    module, teacher = finished[:2]

    class Naive(nn.Module):
        def __init__(self):
            super().__init__()
            self.student, self.teacher = module.student, teacher

    naive = Naive()
    assert any(name.startswith("teacher.") for name in naive.state_dict())
    naive.train()
    assert teacher.training
    teacher.eval()


def test_a_step_is_the_mean_over_what_each_loss_counts(finished):
    module, teacher = finished[:2]
    batch = example.collate(example.rows(6, 2, teacher, seed=9))
    module.student.eval()
    z_S, z_T = (network(batch.student_inputs["x"]) for network in (module.student, teacher))
    soft = 4 * nn.functional.kl_div((z_S / 2).log_softmax(-1), (z_T / 2).softmax(-1), reduction="batchmean")
    hard = nn.functional.cross_entropy(z_S[:2], batch.labels[:2])
    module.log_dict = lambda *args, **kwargs: None
    torch.testing.assert_close(module.training_step(batch, 0), 0.9 * soft + 0.1 * hard)
