"""What a loss learns beside the student: trained by the loop, logged, in the checkpoint, not in the student."""

from itertools import pairwise

import pytest
import torch
from safetensors import safe_open
from trainer_cases import Rows, same, student, teacher, train, weights

from limbeck import trainer
from limbeck.losses import KD, CrossEntropy
from limbeck.losses.transforms import CTKD
from limbeck.update import parameter_groups

OBJECTIVE = 0.7 * KD(temperature=4).after(CTKD(until=0.5)) + 0.3 * CrossEntropy()
STEPS = 12


class Killed(BaseException):
    """What no handler for errors may catch."""


@pytest.fixture(autouse=True)
def _save_at_every_validation(monkeypatch):
    monkeypatch.setattr(trainer, "CHECKPOINT_EVERY_S", -1)


def run(
    path=None, *, die_at=None, sizes=(24,), seed=0, dtype=torch.float32, dropout=0.3, objective=OBJECTIVE, **options
):
    network, seen = student(seed, dropout=dropout, dtype=dtype), []
    torch.manual_seed(seed)

    def validate(model):
        seen.append(None)
        if len(seen) == die_at:
            raise Killed
        return trainer.Validated({"calibrated_nll": 1.0}, [-1.0])

    with torch.random.fork_rng():
        asked = teacher()
        asked._module.to(dtype)
    history = train(
        network, Rows(sizes, dtype=dtype), objective=objective, asked=asked, steps=STEPS, validate=validate,
        checkpoint=path, validations=3, keep="last", **{"lr": 0.1} | options,
    )  # fmt: skip
    return weights(network), history.log


def temperatures(log):
    return [record["kd_temperature"] for record in log]


def test_the_temperature_is_logged_and_moves_against_the_student():
    found = temperatures(run()[1])
    assert found[0] == pytest.approx(4.0), "the first step has the strength 0"
    assert len(set(found)) == STEPS
    ascent = [later - earlier for earlier, later in pairwise(found)]
    assert ascent[0] < ascent[5], "the strength rises until half of the steps"
    assert all(record.keys() >= {"kd", "cross_entropy", "loss"} for record in run()[1])
    plain = run(objective=0.7 * KD(temperature=4) + 0.3 * CrossEntropy())
    assert not any("kd_temperature" in record for record in plain[1])


def test_it_is_adamw_on_the_reversed_gradient_at_the_strength_of_the_step():
    """Beside a plain loop with two optimizers, of which one makes the loss larger."""
    _, log = run(lr=0.1, schedule="constant", clip=None)
    network, asked, critic = student(0, dropout=0.3), teacher(), CTKD(until=0.5).critic(4.0)
    torch.manual_seed(0)
    optimizer = torch.optim.AdamW([{"params": [*network.parameters()], "lr": 0.1, "weight_decay": 0.0}])
    ascent = torch.optim.AdamW([critic.raw], lr=0.1, weight_decay=0.0, maximize=True)
    for step, record in enumerate(log):
        (batch,) = Rows().group(step)
        own, said = network(**batch.student_inputs), asked.predict(batch).dense
        T = critic.at(critic.raw)
        kl = torch.nn.functional.kl_div((own / T).log_softmax(-1), (said / T).softmax(-1), reduction="batchmean")
        hard = torch.nn.functional.cross_entropy(own[batch.labelled], batch.labels[batch.labelled])
        ascent.param_groups[0]["lr"] = 0.1 * critic.strength(step / STEPS)
        (0.7 * T**2 * kl + 0.3 * hard).backward()
        optimizer.step()
        ascent.step()
        optimizer.zero_grad()
        ascent.zero_grad()
        assert record["kd_temperature"] == pytest.approx(critic.at(critic.raw).item(), rel=1e-4)


@pytest.mark.parametrize("die_at", [1, 2, 3])
def test_killed_and_resumed_ends_with_the_same_bits(tmp_path, die_at):
    path = tmp_path / "checkpoint.safetensors"
    whole = run()
    with pytest.raises(Killed):
        run(path, die_at=die_at)
    assert path.is_file() == (die_at > 1)
    resumed = run(path, seed=50 * (die_at > 1))
    assert same(resumed[0], whole[0])
    assert temperatures(resumed[1]) == temperatures(whole[1])


def test_the_checkpoint_holds_it_and_the_student_does_not(tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    network, log = run(path)
    with safe_open(str(path), "pt") as file:
        names, raw = {*file.keys()}, file.get_tensor("model/critics.kd.raw")
    assert float(CTKD().critic(4.0).at(raw)) == temperatures(log)[-1]
    assert not [name for name in (*network, *(name for name in names if name.startswith("best/"))) if "critic" in name]


def test_any_split_of_a_batch_is_the_whole():
    whole, split = (run(sizes=sizes, dtype=torch.float64, dropout=0.0) for sizes in ((24,), (9, 1, 14)))
    torch.testing.assert_close(
        torch.tensor(temperatures(split[1])), torch.tensor(temperatures(whole[1])), rtol=1e-6, atol=0
    )


def test_it_is_not_decayed():
    distiller = trainer.Distiller(student(), OBJECTIVE, teacher())
    groups = parameter_groups(distiller.trainable, trainer.TrainSettings(weight_decay=0.1))
    (own,) = [
        group for group in groups if any(each is distiller.trainable.critics["kd"].raw for each in group["params"])
    ]
    assert own["weight_decay"] == 0
    assert (own["strength"](0.0), own["strength"](0.5)) == (0.0, 1.0)
    assert {group["strength"](0.0) for group in groups if group is not own} == {1.0}
