"""Another teacher, network or source than a recipe has."""

import pytest

from limbeck.errors import LimbeckError
from limbeck.recipe import load_recipe
from limbeck.recipes import packaged_recipe


@pytest.mark.parametrize(
    ("overrides", "left", "gone"),
    [
        (["teacher.kind=nblr"], {"kind", "reads"}, "teacher.model, teacher.train"),
        (["teacher.kind=embedding", "teacher.reads.max_length=32"], {"kind", "model", "reads"}, "teacher.train"),
        (["teacher.kind=network", "teacher.model=textcnn"], {"kind", "model", "reads", "train"}, None),
        (["teacher.kind=transformers"], {"kind", "model", "reads", "train"}, None),
    ],
)
def test_another_kind_of_teacher_leaves_out_what_it_does_not_know(capsys, overrides, left, gone):
    teacher = load_recipe("sentiment", overrides).teacher
    assert {"kind", *teacher.model_fields_set} == left
    said = capsys.readouterr().out
    assert said == "" if gone is None else f"{overrides[0]}: without {gone} of the recipe" in " ".join(said.split())


def test_what_a_change_sets_of_another_kind_is_still_refused(tmp_path):
    with pytest.raises(LimbeckError, match=r"unknown key `teacher\.model`"):
        load_recipe("sentiment", ["teacher.kind=nblr", "teacher.model=minilm"])
    mine = tmp_path / "mine.yaml"
    mine.write_text(packaged_recipe("sentiment"), encoding="utf-8")
    with pytest.raises(LimbeckError, match=r"unknown key `teacher\.model`"):
        load_recipe(str(mine), ["teacher.kind=nblr"])


def test_what_another_source_leaves_out_of_a_recipe_of_ones_own_is_said(tmp_path, capsys):
    text = packaged_recipe("sentiment").replace("  domain: movie\n", "  unlabelled: more.txt\n  missing: [none]\n")
    mine = tmp_path / "mine.yaml"
    mine.write_text(text, encoding="utf-8")
    assert load_recipe(str(mine), ["data.labelled=9"]).data.unlabelled == "more.txt"
    assert capsys.readouterr().out == ""
    found = load_recipe(str(mine), ["data.source=b.csv", "data.missing=[?]"])
    assert (found.data.unlabelled, found.data.missing) == (None, ("?",))
    assert "data.source=b.csv: without data.unlabelled of the recipe;" in capsys.readouterr().out
    load_recipe("sentiment", ["data.source=b.csv"])
    assert capsys.readouterr().out == "", "nobody has written what a packaged recipe reads"


@pytest.mark.parametrize(
    ("name", "overrides", "left"),
    [
        ("text", ["student.model=textcnn"], ["textcnn"]),
        ("text", ["student={model: textcnn}"], ["textcnn"]),
        ("sentiment", ["student.model=textcnn"], ["textcnn"] * 3),
        ("sentiment", ["student.model=textcnn", "grid=[{}, {model: linear}]"], ["textcnn", "linear"]),
        ("sentiment", ["student.model.dim=8"], ["linear", "linear", "ngrams", "ngrams", "ngrams"]),
    ],
)
def test_a_network_that_is_asked_for_is_not_replaced_by_those_of_the_grid(name, overrides, left, capsys):
    """It was: `student.model=linear` of the recipe `text` changed nothing."""
    found = load_recipe(name, overrides)
    assert [settings.model.name for _, settings in found.candidates("student")] == left
    said = "student.model is set: without the networks of the recipe's grid"
    assert (said in capsys.readouterr().out) == (overrides == ["student.model=textcnn"])


def test_of_combinations_the_networks_are_left_out(tmp_path):
    mine = tmp_path / "mine.yaml"
    rest = "grid: {model: [linear, ngrams], train.lr: [0.1, 0.2]}\nlosses: [{name: kd}]\n"
    mine.write_text(packaged_recipe("sentiment").split("grid:")[0] + rest, encoding="utf-8")
    found = load_recipe(str(mine), ["student.model=textcnn"])
    assert [point for point, _ in found.candidates("student")] == [{"train.lr": 0.1}, {"train.lr": 0.2}]
