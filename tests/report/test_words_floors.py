"""The floors in words: what they are called, and what the student's network adds over the teacher's answers."""

import re

import pytest
from example import changed, complete, said_again, write
from made_up import model

from limbeck.evaluation.records import Difference, StudentRecord
from limbeck.report import words
from limbeck.report.words import cost, floors, names


def with_distilled(accuracy=0.812, mean=0.019, ci95=(0.004, 0.034), **made_of):
    """A complete run with the floor of the teacher's answers; both floors are made of the same."""
    run = complete()
    models = run.models | {"distilled_floor": model(accuracy, [None], run.models["floor"].cost)}
    over = Difference(metric="accuracy", mean=mean, ci95=ci95)
    run = run.model_copy(update={"models": models, "over_distilled_floor": over})
    for name in ("floor", "distilled_floor"):
        run = changed(run, name, **made_of)
    return said_again(run)


@pytest.mark.parametrize(
    ("made_of", "name"),
    [
        ({}, "TF-IDF + LR"),  # an earlier version wrote no more
        ({"features": "TF-IDF", "method": "logistic regression"}, "TF-IDF + LR"),
        ({"features": "columns", "method": "gradient boosting"}, "columns + boosting"),
        ({"features": "raw pixels", "method": "ridge regression"}, "raw pixels + ridge"),
        ({"features": "HOG", "method": "nearest neighbour"}, "HOG + nearest neighbour"),
    ],
)
def test_a_floor_is_called_by_what_it_is_made_of(made_of, name):
    run = with_distilled(**made_of)
    assert words.model("floor", run) == names.the("floor", run) == name
    assert names.the("distilled_floor", run) == f"the distilled {name}"
    features, method = made_of.get("features", "TF-IDF"), made_of.get("method", "logistic regression")
    assert names.about_models(run)[1:] == [
        f"{words.capital(name)}: {features} with {method}, trained on the same labels as the baseline.",
        f"Distilled {name}: {features} with {method}, trained on the teacher’s answers for the transfer set.",
    ]
    assert f"{name} and distilled {name} in scikit-learn" in cost.about_costs(run)


def test_every_place_of_the_page_has_the_name(tmp_path):
    run = with_distilled(features="columns", method="gradient boosting")
    text = re.sub("<[^>]*>", "", write(run, tmp_path / "report.html"))
    assert "TF-IDF" not in text
    assert "Columns + boosting" in text
    assert "Distilled columns + boosting" in text


def test_what_the_network_adds_is_said_with_its_interval(tmp_path):
    run = with_distilled()
    text = (
        "Over the distilled TF-IDF + LR (81.2 %), which learned the same teacher's answers, the student's network adds "
        "1.9 points (95 % interval +0.4 to +3.4)."
    )
    assert text in [one.replace("\u00a0", " ") for one in words.said(run)]
    assert not [one for one in run.warnings if "adds nothing" in one]
    assert "the student's network adds" in write(run, tmp_path / "report.html").replace("&#39;", "'")
    assert "which holds 0" in words.network_adds(with_distilled(0.83, 0.001, (-0.01, 0.012)))


def test_a_network_that_adds_nothing_is_a_warning():
    run = with_distilled(0.85, -0.019, (-0.034, -0.004))
    assert words.network_adds(run) is None
    (said,) = [one.replace("\u00a0", " ") for one in run.warnings if "adds nothing" in one]
    assert said == (
        "The distilled TF-IDF + LR learned the same teacher's answers and has 85.0 %, the student 83.2 % "
        "(95 % interval of the difference −3.4 to −0.4 points): the student's network adds nothing to TF-IDF + LR."
    )


def test_an_interval_that_holds_0_shows_nothing_of_the_network():
    said = with_distilled(0.85, -0.019, (-0.034, 0.004)).warnings
    assert [one for one in said if "network is not shown to add anything to TF-IDF + LR." in one]
    assert not [one for one in said if "adds nothing" in one]


def test_a_solved_student_within_chance_of_the_linear_model_is_no_warning():
    """It is such a model too; where it is worse beyond chance, that is one."""
    level = changed(with_distilled(0.85, -0.019, (-0.034, 0.004)), "student", solved=True)
    assert level.are_solved("student")
    told = words.network_adds(level)
    assert told is not None
    assert "the student, which is solved too, is not shown to differ" in told
    assert not [one for one in words.warnings(level) if "the same teacher" in one]
    worse = changed(with_distilled(0.85, -0.019, (-0.034, -0.004)), "student", solved=True)
    assert words.network_adds(worse) is None
    assert [one for one in words.warnings(worse) if "which is solved too, is worse." in one]


def test_without_that_floor_nothing_is_said():
    assert words.network_adds(complete()) is None
    assert not [one for one in complete().warnings if "adds nothing" in one]


def test_a_teacher_below_the_floor_is_said_where_nothing_else_says_it():
    def said(teacher, floor):
        run = changed(changed(complete(), "teacher", scores={"accuracy": teacher}), "floor", scores={"accuracy": floor})
        return [one.replace("\u00a0", " ") for one in words.warnings(run) if "teacher" in one and "worse" in one]

    assert said(0.82, 0.825) == ["The teacher (82.0 %) is worse than TF-IDF + LR on the same labels (82.5 %)."]
    assert said(0.82, 0.81) == []
    assert said(0.82, 0.9) == [], "the floor is ahead of the student too, and that is said"
    assert said(0.75, 0.825) == ["The teacher (75.0 %) is worse than the baseline (79.5 %)."]


def test_a_student_that_hears_no_teacher_is_not_held_against_what_learned_its_answers():
    """tf_kd beside the labels: the report said that both had learned the same answers."""
    for over, said in ((0.02, floors.network_adds), (-0.02, floors.network_adds_nothing)):
        run = with_distilled(0.83, over, (over - 0.01, over + 0.01))
        assert said(run) is not None
        deaf = run.model_copy(update={"student": StudentRecord(another="student.model=NAME", hears_teacher=False)})
        assert said(deaf) is None
        assert "No loss hears the teacher" in " ".join(words.warnings(deaf))
        assert "No loss hears the teacher" not in " ".join(words.warnings(run))
