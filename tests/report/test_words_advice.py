"""What to do next follows from what was found."""

import html
import re
from pathlib import Path

import example
import pytest

from limbeck.evaluation.figures import ClassTable
from limbeck.evaluation.records import Difference, StudentRecord, TeacherRecord
from limbeck.report import words
from limbeck.report.words.advice import STEPS, repeated
from limbeck.report.write import write_report
from limbeck.teachers import CATALOGUE


def steps(run):
    return words.next_steps(run, example.COMMAND)


def codes(run):
    return [step.code for step in steps(run)]


def test_a_student_that_helps_is_to_be_used():
    assert codes(example.complete()) == [
        "limbeck evaluate bundle DATA",
        "echo 'a text of yours' | limbeck predict bundle",
    ]


def test_what_is_wrong_comes_before_what_to_use():
    run = example.said_again(example.changed(example.complete(), "floor", scores={"accuracy": 0.85}))
    assert run.verdict == "helps"
    assert codes(run) == ["data.unlabelled=FILE", *codes(example.complete())]


def test_one_seed_is_answered_by_the_command_with_three():
    run = example.said_again(example.complete(seeds=1)).model_copy(update={"verdict": "one_seed"})
    assert codes(run)[0] == f"{example.COMMAND} 'seeds=[0,1,2]'"
    assert steps(run)[0].text.startswith("One seed says nothing")


def cut(run, share):
    views = run.data.views | {"student": run.data.views["student"].model_copy(update={"cut": share})}
    return run.model_copy(update={"data": run.data.model_copy(update={"views": views})})


def weak(run):
    classes = [one.model_copy(update={"f1": 0.01}) if one.name == "positive" else one for one in classes_of(run)]
    return example.refigured(run, ClassTable, "student", classes=classes)


def classes_of(run):
    return run.figure(ClassTable, "student").classes


COMPLETE = example.complete()


@pytest.mark.parametrize(
    ("run", "code", "words_of_it"),
    [
        (
            example.changed(COMPLETE, "teacher", scores={"accuracy": 0.7}),
            "teacher.kind=KIND",
            "worse than the baseline",
        ),
        (example.teacher_at_chance(), "teacher.kind=KIND", "at chance"),
        (example.changed(COMPLETE, "floor", scores={"accuracy": 0.85}), "data.unlabelled=FILE", "above the student"),
        (
            example.changed(COMPLETE, "floor", scores={"accuracy": 0.95}),
            "teacher.kind=KIND",
            "above the teacher: take another teacher",
        ),
        (cut(COMPLETE, 0.78), "student.reads.max_length=N", "cut for the student"),
        (weak(COMPLETE), "data.labelled=N", "positive (F1"),
        (COMPLETE.model_copy(update={"verdict": "no_difference"}), "data.unlabelled=FILE", "no difference"),
        (COMPLETE.model_copy(update={"bundle": None, "bundle_error": "no ONNX form"}), "student.model=NAME", "no ONNX"),
    ],
)
def test_each_finding_has_its_step_with_what_to_type(run, code, words_of_it):
    assert code not in codes(COMPLETE)
    found = [step.text.lower() for step in steps(run) if step.code == code]
    assert len(found) == 1
    assert words_of_it.lower() in found[0]


def test_a_test_split_that_was_read_often_asks_for_other_rows():
    run = COMPLETE.model_copy(update={"test_evaluations": COMPLETE.test_evaluations * 3, "verdict": "no_difference"})
    assert any("read 3 times" in step.text and step.code == "limbeck evaluate bundle DATA" for step in steps(run))


def test_there_are_few_steps_and_each_has_a_code_of_its_own():
    run = cut(weak(example.changed(example.complete(seeds=2), "floor", scores={"accuracy": 0.95})), 0.9)
    run = run.model_copy(update={"verdict": "no_difference", "test_evaluations": run.test_evaluations * 2})
    found = steps(run)
    assert len(found) == STEPS == len({step.code for step in found})
    assert all(step.text.endswith(".") and step.text.count(". ") == 0 for step in found)


def test_arrays_get_no_command_that_reads_texts():
    assert codes(example.loaders()) == ['limbeck.load("bundle").predict({...})']


def test_the_lines_to_type_name_the_bundle_from_where_the_run_was_started(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = Path("runs") / "my run"
    folder.mkdir(parents=True)
    run = COMPLETE.model_copy(update={"test_evaluations": COMPLETE.test_evaluations * 2})
    write_report(
        run, recipe_yaml="", environment={}, command="limbeck run a --out 'runs/my run'", path=folder / "report.html"
    )
    page = html.unescape((folder / "report.html").read_text(encoding="utf-8"))
    for line in (
        "limbeck predict 'runs/my run/bundle'", "limbeck evaluate 'runs/my run/bundle' DATA",
        'limbeck.load("runs/my run/bundle")', "limbeck run a --out 'runs/my run'",
    ):  # fmt: skip
        assert line in page
    assert "in the folder in which the run was started" in page
    assert not re.search(r"(predict|evaluate) bundle|load\(.bundle", page)


def test_a_key_takes_the_place_of_its_old_value():
    assert repeated("limbeck run a seeds=[0] x=1", "seeds=[0,1,2]") == "limbeck run a x=1 'seeds=[0,1,2]'"
    assert repeated("limbeck run a 'seeds=[0]'", "seeds=[0,1,2]") == "limbeck run a 'seeds=[0,1,2]'"
    assert repeated("limbeck.distill(...)", "seeds=[0,1,2]") == "seeds=[0,1,2]"


BEHIND = example.changed(COMPLETE, "teacher", scores={"accuracy": 0.7})


def test_another_teacher_is_asked_for_in_the_words_of_its_kind():
    for name, kind in CATALOGUE.items():
        key, _, _ = kind.another.partition("=")
        assert name == "given" or key.removeprefix("teacher.") in kind.model_fields, name
    told = TeacherRecord(another="teacher.path=FILE", by_steps=False)
    for run in (BEHIND, example.teacher_at_chance(), example.changed(COMPLETE, "floor", scores={"accuracy": 0.95})):
        (step,) = [one for one in steps(run.model_copy(update={"teacher": told})) if one.code == told.another]
        assert "longer" not in step.text


def test_only_a_teacher_that_took_steps_is_to_be_trained_longer():
    for by_steps in (True, False):
        told = TeacherRecord(another="teacher.model=NAME", by_steps=by_steps)
        (step,) = [one for one in steps(BEHIND.model_copy(update={"teacher": told})) if one.code == told.another]
        assert step.text.endswith("or train it longer or on more labels.") == by_steps


@pytest.mark.parametrize("run", [BEHIND, example.changed(BEHIND, "floor", scores={"accuracy": 0.83})])
def test_a_teacher_worse_than_the_baseline_is_given_no_more_rows_to_label(run):
    assert "data.unlabelled=FILE" not in codes(run.model_copy(update={"verdict": "no_difference"}))


LINEAR = StudentRecord(another="student.model=NAME", linear="student.model=linear")


def test_a_linear_model_of_the_same_answers_that_is_better_is_to_be_shipped():
    models = COMPLETE.models | {"distilled_floor": COMPLETE.models["floor"]}
    for high, wanted in ((-0.01, True), (0.01, False)):
        over = Difference(metric="accuracy", mean=-0.02, ci95=(-0.03, high))
        run = COMPLETE.model_copy(update={"models": models, "over_distilled_floor": over, "student": LINEAR})
        found = steps(run)
        assert (
            any("ship a linear student" in one.text and one.code == "student.model=linear" for one in found) == wanted
        )


def test_where_all_is_right_harder_rows_are_asked_for_and_no_more_text():
    run = example.changed(
        example.changed(COMPLETE, "student", scores={"accuracy": 1.0}), "baseline", scores={"accuracy": 1.0}
    )
    run = run.model_copy(update={"verdict": "no_difference"})
    assert "data.unlabelled=FILE" not in codes(run)
    assert [one.code for one in steps(run) if "right on every test row" in one.text] == ["limbeck evaluate bundle DATA"]
    assert "data.unlabelled=FILE" in codes(example.changed(run, "baseline", scores={"accuracy": 0.7}))
