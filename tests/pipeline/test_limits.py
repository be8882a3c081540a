"""Students that are too large or too slow leave the grid before anything is trained."""

import sys
from pathlib import Path

import pytest
from tiny import recipe, write_csv

from limbeck.errors import LimbeckError
from limbeck.evaluation.cost import Speed
from limbeck.pipeline.order import material_of
from limbeck.pipeline.planning import limits, planned, within_limits
from limbeck.recipe import parse_recipe

sys.path.append(str(Path(__file__).parent.parent / "bad_input"))
from workshop import export_at_once

LINEAR, NGRAMS, CNN = ({"model": name} for name in ("linear", "ngrams", "textcnn"))


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return write_csv(tmp_path_factory.mktemp("data") / "rows.csv")


def kept(source, grid, **budget):
    wanted = parse_recipe(recipe(source, grid=grid, budget=budget), "test")
    return within_limits(wanted, material_of(wanted)).grid


def size_of(source, point):
    """Return the megabytes of a point's student, in float32."""
    wanted = parse_recipe(recipe(source, grid=[point]), "test")
    ((_, settings),) = wanted.candidates("student")
    return sum(each.numel() for each in material_of(wanted).build(settings, seed=0).parameters()) * 4 / 1e6


def test_the_size_is_that_of_the_parameters(source):
    size = size_of(source, CNN)
    assert kept(source, [CNN], megabytes=size) == [CNN]
    with pytest.raises(LimbeckError, match=rf"^budget: no student keeps within it: textcnn takes {size:.3g} MB"):
        kept(source, [CNN], megabytes=size - 4e-6)


def test_open_buckets_are_as_many_as_fit(source, capsys):
    half = LINEAR | {"model.buckets": 32768}
    large = {"model": {"name": "ngrams", "buckets": 65536}}
    assert kept(source, [LINEAR, large, CNN], megabytes=size_of(source, half)) == [half, CNN]
    said = capsys.readouterr().out
    assert "linear with buckets=32768: with more of them it takes more than budget.megabytes=" in said
    assert "left out of the grid: ngrams takes " in said


@pytest.mark.parametrize("model", [{"name": "linear", "buckets": 65536}, {"name": "linear", "buckets": 1024}])
def test_buckets_that_the_recipe_gives_stay(source, model):
    size = size_of(source, {"model": model})
    assert kept(source, [{"model": model}, NGRAMS | {"model.dim": 1}], megabytes=10 * size)[0] == {"model": model}
    with pytest.raises(LimbeckError, match="no student keeps within it"):
        kept(source, [{"model": model}], megabytes=0.9 * size)


def test_without_a_grid_the_student_itself_is_held_to_it(source):
    assert kept(source, {}, megabytes=1000) == {}
    with pytest.raises(LimbeckError, match="budget: no student keeps within it: ngrams takes"):
        kept(source, {}, megabytes=1e-4)


def test_what_is_kept_once_is_kept_again(source):
    grid = kept(source, [LINEAR, CNN], megabytes=0.3)
    assert kept(source, grid, megabytes=0.3) == grid


def test_the_time_is_measured_once_a_folder(source, tmp_path, monkeypatch):
    asked = []

    def measured(predict, samples, **_):
        asked.append(predict(samples[:1]).shape)
        return Speed(float(len(asked)), 0.0, 0.0, 1.0)

    monkeypatch.setattr(limits, "export_onnx", export_at_once)
    wanted = parse_recipe(recipe(source, grid=[CNN, LINEAR], budget={"milliseconds": 1.5}), "test")
    monkeypatch.setattr(limits, "measure", lambda predict, samples, **more: slow(measured(predict, samples, **more)))

    def slow(speed):
        return speed._replace(cpu_ms=3.0 - speed.cpu_ms)  # the first one takes 2 ms, the second one 1 ms

    for again in (wanted, wanted, parse_recipe(wanted.model_dump() | {"grid": [LINEAR]}, "as it was written")):
        material = material_of(again)
        material.folder = tmp_path
        assert within_limits(again, material).grid == [LINEAR]
        assert asked == [(1, 2), (1, 2)]


def test_what_cannot_be_exported_cannot_be_timed(source, monkeypatch):
    def failing(*_):
        raise RuntimeError("no such operator\nmore")

    monkeypatch.setattr(limits, "export_onnx", failing)
    with pytest.raises(
        LimbeckError, match=r"linear cannot be exported and timed \(RuntimeError: no such operator\); raise"
    ):
        kept(source, [LINEAR], milliseconds=50)


def test_a_plan_leaves_buckets_open(source):
    wanted = parse_recipe(recipe(source), "test")
    values = wanted.model_dump(exclude_unset=True)
    values["student"]["model"] = "ngrams"
    values |= {"budget": {"minutes": 5, "megabytes": 1}}
    done = planned(parse_recipe(values, "test"), material_of(wanted).splits)
    assert within_limits(done, material_of(done)).grid == [{"model.buckets": 8192}]


def test_a_baseline_with_a_network_of_its_own_is_left_alone(source):
    values = recipe(source, baseline={"model": {"name": "textcnn"}}, budget={"megabytes": 1})
    values["student"]["model"] = "ngrams"
    wanted = parse_recipe(values, "test")
    with pytest.raises(LimbeckError, match="no student keeps within it: ngrams takes"):
        within_limits(wanted, material_of(wanted))


def test_nothing_is_asked_for_without_it(source):
    wanted = parse_recipe(recipe(source, grid=[LINEAR]), "test")
    assert within_limits(wanted, material_of(wanted)) is wanted
    with pytest.raises(LimbeckError, match="give minutes, megabytes or milliseconds"):
        kept(source, [LINEAR], minutes=None)
