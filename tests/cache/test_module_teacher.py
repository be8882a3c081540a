"""A live teacher: its name, its answers, its inputs."""

import copy

import pytest
import torch
from cache_cases import Net, texts
from torch import nn

from limbeck.teachers import ModuleTeacher
from limbeck.teachers.module import weights_digest
from limbeck.types import Batch, tensors


def network(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Linear(6, 3))


def test_the_digest_names_every_weight_and_buffer():
    found = {weights_digest(network())}
    for name in network().state_dict():
        changed = network()
        changed.state_dict()[name].flatten()[-1:].add_(1)
        found.add(weights_digest(changed))
    assert len(found) == 1 + len(network().state_dict())


def test_the_digest_sees_the_last_bit():
    changed = network()
    weight = changed[0].weight.data
    weight[0, 0] = torch.nextafter(weight[0, 0], torch.tensor(torch.inf))
    assert weights_digest(changed) != weights_digest(network())


def test_the_digest_sees_names_shapes_and_dtypes():
    def digest(**tensors):
        module = nn.Module()
        for name, value in tensors.items():
            module.register_buffer(name, value)
        return weights_digest(module)

    values = torch.zeros(2, 3)
    different = [
        digest(a=values),
        digest(b=values),
        digest(a=values.T.contiguous()),
        digest(a=values.int()),
        digest(a=values, b=torch.zeros(0)),
        digest(a=torch.tensor(0.0)),
        digest(a=torch.zeros(6, dtype=torch.bfloat16)),
        digest(a=torch.zeros(6, dtype=torch.bool)),
    ]
    assert len(set(different)) == len(different)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_the_digest_names_what_is_no_plain_tensor():
    """The packed weights of a quantized layer, sparse and conjugate buffers, a module's own extra state."""

    class Extra(nn.Module):
        def __init__(self, value):
            super().__init__()
            self.value = value

        def get_extra_state(self):
            return {"value": self.value}

    def quantized(seed):
        return torch.ao.quantization.quantize_dynamic(network(seed), {nn.Linear}, dtype=torch.qint8)

    def holding(value):
        module = nn.Module()
        module.register_buffer("value", value)
        return module

    def sparse(number):
        return holding((torch.eye(3) * number).to_sparse())

    for make in (quantized, Extra, sparse, lambda number: holding(torch.tensor([number + 1j]).conj())):
        assert weights_digest(make(1)) == weights_digest(make(1)) != weights_digest(make(2))


def test_the_digest_does_not_see_order_layout_or_mode():
    first, second = nn.Module(), nn.Module()
    values = torch.arange(6.0).reshape(2, 3)
    first.register_buffer("a", values)
    first.register_buffer("b", values + 1)
    second.register_buffer("b", values + 1)
    second.register_buffer("a", values.T.contiguous().T)
    assert not second.a.is_contiguous()
    assert weights_digest(first) == weights_digest(second)
    assert weights_digest(network().train()) == weights_digest(network().eval().requires_grad_(False))


def test_the_digest_is_the_same_everywhere():
    module = nn.Linear(2, 1)
    with torch.no_grad():
        module.weight.copy_(torch.tensor([[1.0, -2.0]]))
        module.bias.fill_(0.5)
    assert weights_digest(module) == GOLDEN


GOLDEN = "0a4f7a188a534b2b"
"""blake2b with 8 bytes over `bias torch.float32 (1,)`, its bytes, `weight torch.float32 (1, 2)`, its bytes."""


def test_a_teacher_can_be_given_its_name():
    assert ModuleTeacher(network(), "mine").digest == "mine"
    assert ModuleTeacher(network()).digest == weights_digest(network())


def test_a_live_teacher_needs_its_own_inputs():
    examples, view = texts(range(3))
    with pytest.raises(ValueError, match="the batch has no teacher_inputs"):
        ModuleTeacher(Net()).predict(Batch(torch.from_numpy(examples.ids), tensors(view.batch(range(3)))))


def test_answers_are_those_of_evaluation_mode_in_float32():
    examples, view = texts(range(3))
    module = Net().double().train()
    expected = copy.deepcopy(module).eval()(**tensors(view.batch([0, 1, 2]))).float()
    batch = Batch(torch.from_numpy(examples.ids), {}, teacher_inputs=tensors(view.batch([0, 1, 2])))
    logits = ModuleTeacher(module).predict(batch).logits
    assert logits.dtype == torch.float32
    assert not logits.requires_grad
    assert torch.equal(logits, expected)
    assert module.training


def test_the_modes_are_put_back_when_the_module_fails():
    class Failing(Net):
        def forward(self, input_ids, attention_mask):
            raise RuntimeError("out of memory")

    module = Failing()
    module.head.eval()
    examples, view = texts(range(3))
    with pytest.raises(RuntimeError, match="out of memory"):
        ModuleTeacher(module).predict(
            Batch(torch.from_numpy(examples.ids), {}, teacher_inputs=tensors(view.batch([0, 1, 2])))
        )
    assert module.training
    assert not module.head.training


def test_inputs_go_to_the_modules_device_and_answers_come_back():
    """On the meta device nothing is computed, and mixing devices is an error."""
    teacher = ModuleTeacher(Net().to("meta"), "meta")
    seen = []
    teacher._module.register_forward_pre_hook(
        lambda module, args, inputs: seen.append({value.device.type for value in inputs.values()}), with_kwargs=True
    )
    examples, view = texts(range(3))
    batch = Batch(torch.from_numpy(examples.ids).to("meta"), {}, teacher_inputs=tensors(view.batch([0, 1, 2])))
    assert teacher.predict(batch).logits.device.type == "meta"
    assert seen == [{"meta"}]
