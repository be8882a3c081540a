"""Runs of two students that teach each other, from the recipe to the report."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tiny import recipe, write_csv

import limbeck
from limbeck import peer as peers, trainer
from limbeck.errors import LimbeckError
from limbeck.pipeline import check as check_module, order, run
from limbeck.pipeline.check import check
from limbeck.pipeline.training import learn
from limbeck.pipeline.training.once import MOVED
from limbeck.recipe import parse_recipe
from limbeck.teachers.moving import MovingMean, MovingPeer

LOSSES = [{"name": "kd", "temperature": 1}, {"name": "cross_entropy"}]

PRETRAINED = {
    "model": {"name": "bigru", "hidden": 4, "layers": 1, "dim": 6},
    "reads": {"tokenizer": {"kind": "words", "size": 200, "min_frequency": 1}, "max_length": 12},
    "train": {"steps": 4, "batch_size": 16, "lr": 0.01},
    "pretrain": {"train": {"steps": 3, "batch_size": 16, "lr": 0.01}},
}

pytestmark = pytest.mark.usefixtures("quick_exports")


@pytest.fixture(scope="module")
def values(tmp_path_factory):
    source = write_csv(tmp_path_factory.mktemp("data") / "rows.csv")
    return recipe(source, teacher={"kind": "mutual"}, losses=LOSSES)


@pytest.fixture(scope="module")
def finished(values, tmp_path_factory):
    return run(parse_recipe(values, "test"), tmp_path_factory.mktemp("runs") / "mutual")


def weights(folder, name="model.safetensors"):
    return load_file(folder / name)


def same(left, right):
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


def test_each_seed_has_a_peer_of_its_own_that_is_like_the_student(finished):
    folders = [finished.folder / f"student/seed-{seed}" for seed in (0, 1)]
    networks = [weights(folder, name) for folder in folders for name in ("model.safetensors", MOVED)]
    shapes = [{name: value.shape for name, value in network.items()} for network in networks]
    assert all(each == shapes[0] for each in shapes)
    assert not any(same(one, other) for at, one in enumerate(networks) for other in networks[:at])
    assert not list(finished.folder.glob(f"baseline/**/{MOVED}"))
    assert not list((finished.folder / "bundle").glob("**/*.safetensors"))


def test_the_peer_is_the_reports_teacher_and_a_later_runs(finished, values, tmp_path):
    earlier = {"kind": "run", "path": str(finished.folder), "model": "teacher", "accept_bad": True}
    second = run(
        parse_recipe(values | {"teacher": earlier, "seeds": [0], "baseline": False}, "test"), tmp_path / "next"
    )
    found, expected = (each.evaluation.models["teacher"].scores for each in (second, finished))
    assert found == pytest.approx(expected, rel=1e-5)
    network = json.loads((finished.folder / "networks/teacher/network.json").read_text())
    assert network["seeds"]["0"]["file"] == f"student/seed-0/{MOVED}"


def test_the_baseline_hears_nobody(finished, values, tmp_path):
    other = recipe(values["data"]["source"], losses=LOSSES, seeds=[0])
    run(parse_recipe(other, "test"), tmp_path / "other")
    assert same(weights(finished.folder / "baseline/seed-0"), weights(tmp_path / "other/baseline/seed-0"))


class Killed(BaseException):
    """What no handler for errors may catch."""


def test_a_killed_run_goes_on_to_the_same_bits_of_both(finished, values, tmp_path, monkeypatch):
    save, saved = trainer.save_checkpoint, []

    def save_and_die(*given):
        save(*given)
        saved.append(given)
        if len(saved) == 2:
            raise Killed

    monkeypatch.setattr(trainer, "CHECKPOINT_EVERY_S", -1.0)
    monkeypatch.setattr(trainer, "save_checkpoint", save_and_die)
    with pytest.raises(Killed):
        run(parse_recipe(values, "test"), tmp_path / "killed")
    run(parse_recipe(values, "test"), tmp_path / "killed")
    for name in ("model.safetensors", MOVED):
        assert same(*(weights(each / "student/seed-0", name) for each in (finished.folder, tmp_path / "killed")))


@pytest.fixture
def started(monkeypatch):
    """The weights of each peer and of its student, as they were before the first step."""
    pairs, peer = [], learn.Peer

    def keep(network, student, *given, **options):
        pairs.append(
            [{name: value.clone() for name, value in each.state_dict().items()} for each in (network, student)]
        )
        return peer(network, student, *given, **options)

    monkeypatch.setattr(learn, "Peer", keep)
    return pairs


def alike(network, own):
    """Return which weights are equal that are not constant, as gains and biases are at first."""
    equal = {name for name, value in own.items() if torch.equal(value, network[name])}
    return {name for name in equal if own[name].float().unique().numel() > 1}


def test_a_peer_starts_from_weights_of_its_own(values, tmp_path, started):
    run(parse_recipe(values | {"seeds": [0, 2**32 - 1], "baseline": False}, "test"), tmp_path / "run")
    assert len(started) == 2
    for network, own in started:
        assert not alike(network, own)


def test_a_pretrained_peer_has_a_pretraining_of_its_own(values, tmp_path, started):
    """Two that start alike, head included, have nothing to teach each other."""
    found = run(
        parse_recipe(values | {"student": PRETRAINED, "seeds": [0], "baseline": False}, "test"), tmp_path / "pretrained"
    )
    ((network, own),) = started
    assert not alike(network, own)
    assert len(list((found.folder / "pretrained").iterdir())) == 2


def test_how_a_peer_is_made_changes_no_random_number_of_the_students(values, tmp_path, monkeypatch):
    made = learn._peer
    states = []

    def watch(*given):
        before = torch.get_rng_state()
        found = made(*given)
        states.append((before, torch.get_rng_state()))
        return found

    monkeypatch.setattr(learn, "_peer", watch)
    run(parse_recipe(values | {"seeds": [0], "baseline": False}, "test"), tmp_path / "run")
    ((before, after),) = states
    assert torch.equal(before, after)


def test_a_peer_of_another_task_is_trained_as_its_student_is(values, tmp_path, monkeypatch):
    """What a task puts around a network and its outputs is around the peer's too."""
    made, distiller = [], peers.Distiller

    def keep(*given, **options):
        made.append((given[0], options))
        return distiller(*given, **options)

    monkeypatch.setattr(peers, "Distiller", keep)
    monkeypatch.setattr(learn, "Distiller", keep)
    source = tmp_path / "rows.csv"
    lines = [f"{'good ' * (row % 5)}film {row},{row % 5}.5" for row in range(260)]
    source.write_text("\n".join(["text,label", *lines]), encoding="utf-8")
    losses = [{"name": "regression_kd"}, {"name": "squared_error"}]
    changes = {"task": "regression", "losses": losses, "seeds": [0], "baseline": False}
    data = values["data"] | {"source": str(source)}
    found = run(parse_recipe(values | changes | {"data": data}, "test"), tmp_path / "run")
    (peer, its), (student, own) = made
    assert type(peer) is type(student) is not type(network_of(student))
    assert its["seen"] == own["seen"]
    assert weights(found.folder / "student/seed-0", MOVED).keys() == weights(found.folder / "student/seed-0").keys()


def network_of(finished):
    return finished.network if hasattr(finished, "network") else None


def test_a_check_says_what_it_is(values, capsys):
    assert check(parse_recipe(values, "test")) > 0
    assert "the teacher moves beside its student" in capsys.readouterr().out


def test_no_floor_learns_what_no_student_did(finished):
    assert "distilled_floor" not in finished.evaluation.models
    assert "floor" in finished.evaluation.models


def test_a_given_network_with_lazy_layers_has_a_peer(values, tmp_path):
    class Lazy(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.words = torch.nn.Embedding(5000, 4)
            self.head = torch.nn.LazyLinear(2)

        def forward(self, input_ids, attention_mask):
            return self.head((self.words(input_ids) * attention_mask.unsqueeze(-1)).sum(1))

    lines = Path(values["data"]["source"]).read_text(encoding="utf-8").splitlines()[1:]
    frame = [{"text": line.rpartition(",")[0], "label": int(line.rpartition(",")[2])} for line in lines]
    settings = {"data.split": {"test": 60, "validation": 30}, "seeds": [0], "losses": LOSSES, "baseline": False}
    settings |= {"student.train": {"steps": 4, "batch_size": 16}}
    found = limbeck.distill({"kind": "mutual"}, Lazy, frame, settings=settings, out=tmp_path / "run")
    assert (found.folder / "student/seed-0" / MOVED).is_file()


@pytest.mark.parametrize(
    ("losses", "said"),
    [
        ([{"name": "dkd"}, {"name": "cross_entropy"}], "every loss counts labelled rows only: the 130 other rows"),
        ([{"name": "tf_kd"}, {"name": "cross_entropy"}], "no loss hears the teacher"),
        (LOSSES, None),
    ],
)
def test_rows_and_teachers_that_no_loss_hears_are_told(values, capsys, losses, said):
    teacher = {"kind": "nblr", "regression": {"orders": 1}}
    check(parse_recipe(values | {"losses": losses, "teacher": teacher}, "test"))
    found = capsys.readouterr().out
    assert said is None or said in " ".join(found.split())
    if said is None:
        assert "labelled rows only" not in found
        assert "hears the teacher" not in found


def test_batches_of_which_no_row_counts_are_refused(values):
    """The student stayed at its first weights, every loss 0, and the run ended well."""
    teacher, data = {"kind": "nblr", "regression": {"orders": 1}}, values["data"] | {"labelled_per_batch": 0}
    recipe = parse_recipe(values | {"losses": [{"name": "dkd"}], "teacher": teacher, "data": data}, "test")
    with pytest.raises(LimbeckError, match="a batch has none of them: the student would learn nothing; raise it"):
        check(recipe)


def test_a_solved_student_takes_no_batches(values):
    teacher, data = {"kind": "nblr", "regression": {"orders": 1}}, values["data"] | {"labelled_per_batch": 0}
    labels = values | {"losses": [{"name": "cross_entropy"}], "teacher": teacher, "data": data, "baseline": False}
    check(parse_recipe(labels | {"student": {"model": "linear"}}, "test"))


def test_both_learn_and_ask_each_other():
    assert MovingPeer().seconds(3.0, 1.0) == 8.0
    assert MovingMean(0.9).seconds(3.0, 1.0) == 4.0


def test_a_check_counts_the_peers_pretraining(values, monkeypatch):
    monkeypatch.setattr(check_module, "_pretraining_trial", lambda settings, material: 1000.0)
    pretrained = values | {"student": PRETRAINED, "seeds": [0, 1], "baseline": False}
    assert 4000 < check(parse_recipe(pretrained, "test")) < 5000
    assert 2000 < check(parse_recipe(pretrained | {"teacher": {"kind": "mean_teacher"}}, "test")) < 3000


TWIN = """
import torch

class Bag(torch.nn.Module):
    def __init__(self, outputs):
        super().__init__()
        self.words = torch.nn.Embedding(5000, outputs)

    def forward(self, input_ids, attention_mask):
        return (self.words(input_ids) * attention_mask.unsqueeze(-1)).sum(1)

def build(outputs):
    torch.manual_seed(3)
    return Bag(outputs)
"""


def test_a_peer_that_would_be_a_twin_is_refused(values, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "twin.py").write_text(TWIN, encoding="utf-8")
    twin = values["student"] | {"model": "twin:build"}
    found = parse_recipe(values | {"student": twin}, "test")
    with pytest.raises(LimbeckError, match="its first weights are the same in every seed"):
        order.require_usable(found, order.material_of(found))


REFUSED = {
    "cache": ({"cache": {"codec": "topk"}}, "a cache keeps a teacher's answers, .* leave cache out"),
    "arms": ({"arms": ["student", "hard_labels"]}, "hard_labels learns a teacher's decisions"),
    "losses": ({"losses": [{"name": "kd"}]}, "no loss learns from labels, .* add one, such as cross_entropy"),
    "a decay": ({"teacher": {"kind": "mutual", "decay": 0.9}}, "decay"),
    "folds": ({"teacher": {"kind": "mutual", "folds": 3}}, "folds says how a teacher is judged before students learn"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_asks_for_answers_before_is_refused(values, name):
    change, words = REFUSED[name]
    with pytest.raises(LimbeckError, match=words):
        parse_recipe(values | change, "test")


def test_a_student_without_steps_is_refused(values):
    linear = {"model": "linear", "reads": values["student"]["reads"]}
    found = parse_recipe(values | {"student": linear}, "test")
    with pytest.raises(LimbeckError, match=r"student\.model: `linear` is solved in no steps"):
        order.require_usable(found, order.material_of(found))
