"""What a reader has to be told: models that are called as they are, constant answers, remarks on rows."""

import example
from test_words_verdict import plain

from limbeck.evaluation.figures import ColumnScores, ColumnTable, Scatter
from limbeck.evaluation.records import Difference
from limbeck.report import words
from limbeck.report.figures import of_models
from limbeck.report.words import advice, cost, data

COMPLETE = example.complete()


def tiles(run) -> dict[str, tuple[str, str]]:
    return {fact.name: (plain(fact.text), plain(fact.note)) for fact in words.key_figures(run)}


def with_cost(run, name, **changes):
    return example.changed(run, name, cost=run.models[name].cost.model_copy(update=changes))


def test_a_teacher_that_is_not_exported_is_not_said_to_have_failed():
    run = with_cost(COMPLETE, "teacher", exported=False, size_bytes=None)
    size = tiles(run)["Size"]
    assert size[1] == "of the student; that of the teacher is not known"
    text = plain(cost.about_costs(run))
    assert "The teacher is not exported and is timed by its own call: speeds beside it are rough." in text
    assert "PyTorch" not in text, "it may be an ONNX file, or a function of NumPy"


def test_what_is_as_large_is_neither_smaller_nor_larger():
    of_student = COMPLETE.models["student"].cost.size_bytes
    for factor in (1.0, 1.02, 0.98):
        run = with_cost(COMPLETE, "teacher", size_bytes=round(of_student * factor))
        assert tiles(run)["Size"][0] == "the same"
    assert tiles(with_cost(COMPLETE, "teacher", size_bytes=2 * of_student))["Size"][0] == "2.0× smaller"


def columns(*accuracies: tuple[str, float, float]):
    scores = [ColumnScores(name=name, classes=2, commonest=most, accuracy=own) for name, own, most in accuracies]
    return COMPLETE.model_copy(update={"figures": [ColumnTable(model="student", columns=scores)]})


def test_a_column_with_a_constant_answer_is_named():
    run = columns(("digit", 0.8, 0.1), ("speaker", 0.94, 0.94), ("room", 0.7, 0.72))
    found = [plain(text) for text in words.warnings(run) if "constant" in text]
    assert found == [
        "The student is no better than a constant answer in speaker (94.0 %) and room (70.0 %): there it may have "
        "learned nothing."
    ]
    assert not [text for text in words.warnings(columns(("digit", 0.8, 0.1))) if "constant" in text]


def test_remarks_on_the_rows_stand_in_the_report():
    lines = ["3 of 90 training rows have no label", "16 test images look nearly like a training image."]
    record = COMPLETE.data.model_copy(update={"notes": lines})
    said = data.notes(COMPLETE.model_copy(update={"data": record}))
    assert said == ["3 of 90 training rows have no label.", "16 test images look nearly like a training image."]
    assert data.notes(COMPLETE) == []


def test_the_advice_names_the_simple_model_that_is_better_than_both():
    run = example.changed(COMPLETE, "teacher", scores={"accuracy": 0.7})
    (alone,) = [step.text for step in advice.next_steps(run, "limbeck run x") if step.code == "teacher.kind=KIND"]
    assert "better than" not in alone
    run = example.changed(run, "floor", scores={"accuracy": 0.95})
    (both,) = [step.text for step in advice.next_steps(run, "limbeck run x") if step.code == "teacher.kind=KIND"]
    assert plain(both).startswith(
        "The teacher (70.0 %) is worse than the baseline (79.5 %), and TF-IDF + LR is better than teacher and student:"
    )


def test_metrics_of_one_sign_do_not_disagree():
    gain = COMPLETE.gain.model_copy(update={"mean": -0.075, "ci95": (-0.2, 0.03)})
    other = Difference(metric="f1_macro", mean=-0.094, ci95=(-0.17, -0.02))
    run = COMPLETE.model_copy(update={"gain": gain, "other_gains": [other], "verdict": "no_difference"})
    (text,) = [plain(text) for text in words.warnings(run) if "macro F1" in text]
    assert text == (
        "By macro F1 there is a difference that accuracy does not show: over the baseline, the student has -9.4 points "
        "of macro F1 (95 % interval -17.0 to -2.0), and -7.5 points of accuracy."
    )


def test_teacher_and_student_of_one_column_are_drawn_beside_each_other():
    figures = [
        Scatter(model=model, column=column, true=[0.0, 1.0], predicted=[0.1, 0.9])
        for model in ("teacher", "student", "baseline")
        for column in ("height", "weight")
    ]
    (part,) = of_models(COMPLETE.model_copy(update={"figures": figures}))
    first, second, folded = part.blocks
    assert [one.title for one in (first, second)] == ["Teacher: height", "Student, seed 2: height"]
    assert "4 more" in folded.title
