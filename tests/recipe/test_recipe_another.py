"""Another kind of teacher for a packaged recipe, and another source for one of the user's."""

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
