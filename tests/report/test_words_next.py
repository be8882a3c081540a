"""The verdict ends with one sentence on what to do next: each cause alone in a made-up run, and absent by a hair."""

import random

import example
import pytest
from next_cases import (
    BASE,
    CAUSES,
    MORE,
    OTHERWISE,
    READS,
    distilled,
    far,
    gained,
    open_,
    over,
    scored,
    view,
    with_data,
)
from pages import RUNS, Page
from test_words_verdict import plain

from limbeck.evaluation.figures import ClassTable
from limbeck.evaluation.records import MetricRecord, StudentRecord, TeacherRecord
from limbeck.modalities.arrays import ArraysModality
from limbeck.modalities.image import ImageModality
from limbeck.report import words

SHIP = "Next: measure the student on labelled texts of your own, then ship it (`limbeck evaluate BUNDLE DATA`)."


def said(run) -> str:
    return plain(words.next_sentence(run, run.bundle_error))


@pytest.mark.parametrize(("name", "run", "text", "near"), CAUSES, ids=[cause[0] for cause in CAUSES])
def test_a_cause_alone_is_named_and_one_that_is_absent_by_a_hair_is_not(name, run, text, near):
    assert said(run).startswith(text)
    use = "Next: measure the student on labelled texts of your own"
    assert said(near).startswith(OTHERWISE.get(name, use))


def test_a_student_that_helps_is_measured_and_shipped():
    assert said(BASE) == SHIP


def test_what_speaks_against_it_leaves_shipping_out():
    """Beside a warning the sentence about using the student does not tell to ship it."""
    low = example.changed(BASE, "student", scores={"f1_macro": 0.5})
    assert words.warnings(low)
    assert "ship" not in said(low)
    assert "before you rely on it" in said(low)


def test_what_is_no_reason_to_wait_comes_after_a_student_that_helps():
    classes = [one.model_copy(update={"f1": 0.01}) for one in BASE.figure(ClassTable, "student").classes[:1]]
    rest = BASE.figure(ClassTable, "student").classes[1:]
    weak = example.refigured(BASE, ClassTable, "student", classes=[*classes, *rest])
    assert said(weak) == SHIP
    assert words.next_steps(weak, "")[-1].code == "data.labelled=N"
    assert words.next_steps(with_data(weak, more_labels="data.source=DATA"), "")[-1].code == "data.source=DATA"
    warned = example.changed(weak, "student", scores={"f1_macro": 0.5})
    assert said(warned).startswith(
        "Next: add labelled rows of these classes (`data.labelled=N`), as the student’s weakest"
    )


def test_no_better_teacher_is_asked_for_than_one_that_is_always_right():
    assert said(scored(teacher=1.0, floor=1.0)).startswith(MORE)


# --- one way through the code ---------------------------------------------------------------------------------------

EVERY = {
    **RUNS,
    **{f"with {name}": run for name, run, _, _ in CAUSES},
    **{f"without {name}": run for name, _, _, run in CAUSES},
}


@pytest.mark.parametrize("name", EVERY)
def test_the_sentence_is_the_first_of_the_steps(name):
    run = EVERY[name]
    first = words.next_steps(run, "", "BUNDLE")[0]
    assert words.next_sentence(run, run.bundle_error) == first.sentence
    assert first.sentence.count("Next: ") == 1
    assert ". " not in first.sentence.replace("kinds. ", "")


def made_up(draw: random.Random):
    """A run with scores, shares and a verdict at random."""
    run = scored(
        **{
            name: draw.choice([0.78, 0.795, 0.81, 0.83, 0.87, 1.0])
            for name in ("teacher", "student", "baseline", "floor")
        }
    )
    run = with_data(run, unlabelled=draw.choice([0, 300, 7705]))
    run = view(
        view(run, "student", cut=draw.choice([0.1, 0.6])),
        "teacher",
        cut=draw.choice([0.1, 0.6]),
        pieces=draw.choice([1.1, 2.0]),
    )
    if draw.random() < 0.5:
        mean = draw.choice([-0.02, 0.0, 0.02])
        run = distilled(run, mean, mean - 0.01, mean + draw.choice([0.005, 0.03]))
    teacher, student = (run.score(name) for name in ("teacher", "student"))
    bounds = {
        name: over(teacher - run.score(name) - 0.01, teacher - run.score(name) + 0.01) for name in ("baseline", "floor")
    }
    verdict = draw.choice(["helps", "hurts", "no_difference", "one_seed"])
    found = {
        "teacher_over": bounds,
        "over_teacher": over(student - teacher - 0.01, student - teacher + 0.01),
        "retention": student / teacher,
        "verdict": verdict,
        "seeds": [0] if verdict == "one_seed" else [0, 1, 2],
    }
    return run.model_copy(update=found)


def test_no_step_contradicts_the_verdict_a_warning_or_another_step():
    draw = random.Random(19)
    for _ in range(400):
        run = made_up(draw)
        steps, warned = words.next_steps(run, ""), [plain(text) for text in words.warnings(run)]
        codes, text = [step.code for step in steps], plain(" ".join(step.text for step in steps))
        weak = any(one.startswith("The teacher") and "worse" in one for one in warned)
        assert said(run)
        assert not (weak and ("data.unlabelled=FILE" in codes or "larger student" in text)), text
        assert ("then ship it" in text) <= (run.verdict == "helps" and not warned)
        assert len({code.partition("=")[0] for code in codes}) == len(codes)
        assert not ("another teacher" in text and "for the teacher to label" in text), text
        if run.verdict in ("hurts", "no_difference", "one_seed"):
            assert not said(run).startswith("Next: measure the student")


# --- other modalities and tasks -------------------------------------------------------------------------------------


def other(run, **changes):
    """The run of images, or of loaders."""
    return run.model_copy(update={"modality": "other", "data": run.data.model_copy(update={"views": {}})} | changes)


@pytest.mark.parametrize("usage", [ImageModality.usage, ArraysModality.usage])
@pytest.mark.parametrize(
    "run",
    [
        open_(),
        open_(verdict="hurts"),
        BASE,
        with_data(BASE, unlabelled=300),
        far(0.77, 0.88),
        distilled(BASE, -0.02, -0.03, -0.01),
    ],
)
def test_of_other_examples_the_sentence_speaks_of_them(run, usage):
    of_others = StudentRecord(another="student.model=NAME")
    kind = TeacherRecord(another="teacher.model=NAME", by_steps=True)
    text = said(other(run, usage=usage, student=of_others, teacher=kind))
    assert "text" not in text
    assert "linear student" not in text
    if not usage.in_files:
        assert "FILE" not in text
        assert "DATA" not in text


def test_of_what_a_linear_student_cannot_read_another_network_is_asked_for():
    run = distilled(BASE, -0.02, -0.03, -0.01).model_copy(
        update={"student": StudentRecord(another="limbeck.distill(student=...)")}
    )
    assert said(run).startswith(
        "Next: take another or a larger student network (`limbeck.distill(student=...)`), as the distilled"
    )


def test_a_linear_student_is_not_told_to_be_one():
    run = distilled(BASE, -0.002, -0.01, 0.006).model_copy(
        update={"solved": True, "student": StudentRecord(another="student.model=NAME")}
    )
    assert "linear" not in said(run)


def test_values_are_lower_or_higher_and_not_above():
    rmse = MetricRecord(name="rmse", title="RMSE", quantity="value", better="lower")
    run = BASE.model_copy(update={"metrics": [rmse], "task": "regression", "agreement": None})
    for name, value in (("teacher", 2.0), ("student", 2.5), ("baseline", 3.0), ("floor", 2.2)):
        run = example.changed(run, name, scores={"rmse": value})
    run = run.model_copy(
        update={"gain": None, "other_gains": [], "over_teacher": over(-0.6, -0.4, "rmse"), "figures": []}
    )
    assert said(run) == f"{MORE} TF-IDF + LR has an RMSE lower by 0.3 than the student."
    run = example.changed(run, "teacher", scores={"rmse": 3.2})
    assert said(run).startswith(
        f"{READS} the teacher (RMSE 3.2) is worse than the baseline (3), and TF-IDF + LR is better"
    )


@pytest.mark.parametrize(("key", "told"), [(None, "data.split.test=N"), ("data.source=DATA", "data.source=DATA")])
def test_more_test_rows_are_asked_for_in_the_words_of_the_data(key, told):
    assert f"(`{told}`)" in said(with_data(gained(0.015, 0.02, 0.3, 0.2), more_test=key))


def test_of_an_ensemble_its_members_read_more():
    views = {
        "teacher-1": BASE.data.views["teacher"].model_copy(update={"cut": 0.5}),
        "student": BASE.data.views["student"],
    }
    assert "`teacher.members.1.reads.max_length=N`" in said(with_data(BASE, views=views))


# --- everywhere that the verdict is ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*RUNS, "with the floor is ahead of both", "with texts are cut for both"])
def test_the_page_ends_its_verdict_with_the_sentence(name, tmp_path):
    run = example.said_again(EVERY[name])
    html = example.write(run, tmp_path / "report.html")
    head = html[: html.index("</header>")]
    assert run.next_step
    assert head.index('<p class="next">') < head.index('<dl class="keys">')
    assert " ".join(run.next_step.replace("`", "").split()) in " ".join(
        Page(html).text.replace("( ", "(").replace(" )", ")").split()
    )


def test_an_evaluation_of_an_earlier_version_has_no_sentence(tmp_path):
    run = BASE.model_copy(update={"next_step": ""})
    assert 'class="next"' not in example.write(run, tmp_path / "report.html")
    assert type(run).model_validate(run.model_dump(exclude={"next_step", "student"})).next_step == ""
