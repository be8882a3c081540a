"""Teacher-assistant chains and born-again generations: runs whose teacher is the run before."""

import pytest
from tiny import recipe, write_csv

from limbeck.pipeline import run
from limbeck.recipe import parse_recipe

TRAIN = {"steps": 30, "batch_size": 16, "lr": 0.02, "validations": 1}


def convolution(filters):
    return {"model": {"name": "textcnn", "filters": filters, "dim": 8}, "reads": {"max_length": 24}, "train": TRAIN}


def one(values, folder, **changes):
    return run(parse_recipe(values | {"seeds": [0], "baseline": False} | changes, "test"), folder)


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    """A teacher, an assistant between it and the student in size, and the student; with relations and a transform."""
    folder = tmp_path_factory.mktemp("chain")
    values = recipe(write_csv(folder / "rows.csv"))
    losses = [
        {"name": "kd", "weight": 0.9, "temperature": 2, "transform": "flsw"},
        {"name": "cross_entropy", "weight": 0.1},
        {"name": "rkd_distance", "weight": 0.5, "student": "dropout", "teacher": "dropout"},
        {"name": "sp", "weight": 0.1},
    ]
    first = one(values, folder / "assistant", student=convolution(6), losses=losses)
    earlier = {"kind": "run", "path": str(first.folder)}
    second = one(values, folder / "student", teacher=earlier, student=convolution(3), losses=losses)
    return values, folder, first, second


def test_the_assistant_teaches_as_it_was_judged(chain):
    """The second run's teacher is the first one's student: its accuracy, its cost, and nothing trained anew."""
    _, folder, first, second = chain
    assert second.evaluation.score("teacher") == first.evaluation.score("student")
    assert not list((folder / "student/teacher").glob("*.safetensors"))


def test_each_term_is_logged_under_its_name(chain):
    _, folder, first, second = chain
    lines = (folder / "student/metrics.jsonl").read_text().splitlines()
    assert any(all(f'"{name}"' in line for name in ("kd", "cross_entropy", "rkd_distance", "sp")) for line in lines)
    card = (folder / "student/bundle/README.md").read_text()
    assert all(cited in card for cited in ("hinton2015distilling", "wen2019preparing", "park2019relational"))
    assert second.evaluation.models["student"].cost.parameters < first.evaluation.models["student"].cost.parameters


def test_nothing_is_learned_beside_the_student(chain):
    """A relation has no projector: the loop's parameters are the student's."""
    _, _, _, second = chain
    assert not any("projector" in name for name, _ in second.student.named_parameters())


def test_a_generation_of_the_same_network(chain, tmp_path):
    """Born again: teacher and student are one network; several generations teach together as an ensemble."""
    values, _, first, second = chain
    members = [{"kind": "run", "path": str(each.folder)} for each in (first, second)]
    together = {"kind": "ensemble", "members": members, "weights": [1, 1]}
    third = one(values, tmp_path / "third", teacher=together, student=convolution(3))
    assert third.evaluation.score("teacher") is not None
    assert not list((tmp_path / "third").glob("teacher*/*.safetensors"))
