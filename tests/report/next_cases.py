"""Runs with one cause alone of what to do next, and without it by a hair."""

import example
from made_up import AT_CHANCE

from limbeck.evaluation.records import Difference, StudentRecord, TeacherRecord

BASE = example.complete().model_copy(
    update={
        "teacher": TeacherRecord(another="teacher.model=NAME", by_steps=False, like_floor="teacher.kind=nblr"),
        "student": StudentRecord(another="student.model=NAME", linear="student.model=linear"),
    }
)


def scored(run=BASE, **accuracies):
    """The run with other accuracies."""
    for name, accuracy in accuracies.items():
        run = example.changed(run, name, scores={"accuracy": accuracy})
    return run


def view(run, name, **changes):
    views = run.data.views | {name: run.data.views[name].model_copy(update=changes)}
    return with_data(run, views=views)


def with_data(run, **changes):
    return run.model_copy(update={"data": run.data.model_copy(update=changes)})


def over(low, high, metric="accuracy"):
    return Difference(metric=metric, mean=(low + high) / 2, ci95=(low, high))


def teacher_over(run, **bounds):
    return run.model_copy(update={"teacher_over": {name: over(*both) for name, both in bounds.items()}})


def distilled(run, mean, low, high):
    """The run beside a linear model of the teacher's answers."""
    models = run.models | {"distilled_floor": run.models["floor"]}
    found = Difference(metric="accuracy", mean=mean, ci95=(low, high))
    return run.model_copy(update={"models": models, "over_distilled_floor": found})


def gained(mean, half, p_value, p_seeds, run=BASE, **changes):
    """The run with an open verdict, over an interval that reaches so far to both sides of the gain."""
    seeds = [mean - 0.01, mean, mean + 0.01]
    told = {"mean": mean, "ci95": (mean - half, mean + half), "p_value": p_value, "p_seeds": p_seeds, "per_seed": seeds}
    gain = run.gain.model_copy(update=told | changes)
    return run.model_copy(update={"gain": gain, "verdict": "no_difference"})


def open_(run=BASE, verdict="no_difference"):
    return run.model_copy(update={"verdict": verdict})


def far(accuracy, retention, run=BASE):
    return scored(run, student=accuracy).model_copy(update={"retention": retention})


def hurt():
    """The run of a student that is worse than the baseline, and learned from other losses than kd and the labels."""
    student = BASE.student.model_copy(update={"plain_losses": "losses=[{name: kd}]"})
    return scored(open_(verdict="hurts"), student=0.5).model_copy(update={"student": student})


def unheard(hears_teacher=False):
    """The run of a student that learned from the labels alone, whatever their loss."""
    own = {"plain_losses": "losses=[{name: kd}]", "hears_teacher": hears_teacher}
    return BASE.model_copy(update={"student": BASE.student.model_copy(update=own)})


LEVEL = scored(teacher=0.795, baseline=0.795)
CUT = "78.4 % of the training texts are cut for the student and only 0.0 % for the teacher"
LINEAR = "as the distilled TF-IDF + LR is {} the student that learned the same answers"
MORE = "Next: give the student more unlabelled texts for the teacher to label (`data.unlabelled=FILE`), as"
READS = "Next: take a teacher that reads what TF-IDF + LR reads, alone or in an ensemble (`teacher.kind=nblr`), as"

# Name, the run with the cause, its sentence or the beginning of it, the run without it by a hair.
CAUSES = [
    (
        "the labels alone teach the same network more",
        hurt(),
        "Next: learn from kd beside the labels (`losses=[{name: kd}]`), as the labels alone teach its network more, "
        "though the teacher is better: losses or weights are at fault.",
        hurt().model_copy(update={"verdict": "no_difference"}),
    ),
    (
        "the student is far below a teacher that is level with the baseline",
        far(0.2, 0.25, scored(hurt(), teacher=0.795, baseline=0.795)),
        "Next: learn from kd beside the labels (`losses=[{name: kd}]`), as the labels alone teach its network more, "
        "and the student keeps 25.0 % of its teacher: losses or weights are at fault.",
        far(0.2, 0.95, scored(hurt(), teacher=0.795, baseline=0.795)),
    ),
    (
        "no loss hears the teacher",
        unheard(),
        "Next: learn from kd beside the labels (`losses=[{name: kd}]`), as no loss hears the teacher.",
        unheard(hears_teacher=True),
    ),
    (
        "a linear model of the answers is better",
        distilled(BASE, -0.02, -0.03, -0.0001),
        f"Next: ship a linear student in its place (`student.model=linear`), {LINEAR.format('2.0 points above')}.",
        distilled(BASE, 0.0001, -0.01, 0.01),
    ),
    (
        "the network is not shown to add anything",
        distilled(BASE, -0.002, -0.01, 0.006),
        f"Next: try a linear student (`student.model=linear`), {LINEAR.format('0.2 points above')}, within chance.",
        distilled(BASE, 0.0001, -0.01, 0.01),
    ),
    (
        "a linear model is level",
        distilled(BASE, 0.0, -0.01, 0.01),
        f"Next: try a linear student (`student.model=linear`), {LINEAR.format('level with')}.",
        distilled(BASE, 0.0001, -0.01, 0.01),
    ),
    (
        "a linear model is better, and the student reads beginnings",
        view(distilled(BASE, -0.02, -0.03, -0.001), "student", cut=0.784),
        f"Next: read more tokens of each (`student.reads.max_length=N`), "
        f"{LINEAR.format('2.0 points above')}, and {CUT}.",
        view(distilled(BASE, 0.0001, -0.01, 0.01), "student", cut=0.25),
    ),
    (
        "the floor is ahead of both",
        scored(floor=0.88),
        f"{READS} TF-IDF + LR is 4.8 points above the student and 0.8 above the teacher.",
        scored(floor=0.8312),
    ),
    (
        "the floor is ahead of the student",
        scored(floor=0.8332),
        f"{MORE} TF-IDF + LR is 0.2 points above the student.",
        scored(floor=0.8314),
    ),
    (
        "the floor is ahead, and the student reads beginnings",
        view(scored(floor=0.86), "student", cut=0.784),
        "Next: read more tokens of each (`student.reads.max_length=N`), as TF-IDF + LR is 2.8 points "
        "above the student, "
        f"and {CUT}.",
        view(scored(floor=0.831), "student", cut=0.25),
    ),
    (
        "the floor is ahead of a student far from its teacher",
        far(0.77, 0.883, scored(baseline=0.76)),
        "Next: take a larger student network (`student.model=NAME`), as TF-IDF + LR is 1.8 points above "
        "the student, and "
        "retention is 88.3 % and agreement 89.1 %, though the teacher labelled 7,705 more texts.",
        far(0.7885, 0.904, scored(baseline=0.76)),
    ),
    (
        "the teacher is worse than the baseline",
        teacher_over(scored(teacher=0.79), baseline=(-0.01, -0.0001), floor=(-0.01, 0.02)),
        "Next: take another teacher (`teacher.model=NAME`), as the teacher (79.0 %) is worse than the "
        "baseline (79.5 %).",
        teacher_over(scored(teacher=0.79), baseline=(-0.01, 0.0001), floor=(-0.01, 0.02)),
    ),
    (
        "the teacher is worse than the floor",
        teacher_over(scored(teacher=0.82, floor=0.825), baseline=(0, 0.03), floor=(-0.01, -0.0001)),
        f"{READS} TF-IDF + LR is 0.5 points above the teacher.",
        teacher_over(scored(teacher=0.82, floor=0.825), baseline=(0, 0.03), floor=(-0.01, 0.0001)),
    ),
    (
        "the teacher is worse, and reads beginnings",
        view(teacher_over(scored(teacher=0.82, floor=0.825), floor=(-0.01, -0.001)), "teacher", cut=0.251),
        "Next: read more tokens of each (`teacher.reads.max_length=N`), as TF-IDF + LR is 0.5 points "
        "above the teacher, and "
        "25.1 % of the training texts are cut for the teacher.",
        view(teacher_over(scored(teacher=0.82, floor=0.825), floor=(-0.01, 0.001)), "teacher", cut=0.25),
    ),
    (
        "the teacher is no better than the baseline",
        open_(LEVEL),
        "Next: take another teacher (`teacher.model=NAME`), as the teacher (79.5 %) is level with the "
        "baseline (79.5 %).",
        open_(scored(LEVEL, teacher=0.7951)),
    ),
    (
        "texts are cut",
        view(BASE, "student", cut=0.784),
        f"Next: read more tokens of each (`student.reads.max_length=N`), as {CUT}.",
        view(BASE, "student", cut=0.25),
    ),
    (
        "texts are cut for both",
        view(view(BASE, "student", cut=0.784), "teacher", cut=0.3),
        "Next: read more tokens of each (`teacher.reads.max_length=N student.reads.max_length=N`), as "
        "30.0 % of the training "
        "texts are cut for the teacher and 78.4 % for the student.",
        view(view(BASE, "student", cut=0.25), "teacher", cut=0.25),
    ),
    (
        "the teacher's tokenizer is of another language",
        view(BASE, "teacher", pieces=1.46),
        "Next: take a teacher that reads this language (`teacher.kind=nblr`), as the teacher’s "
        "tokenizer cuts a word into 1.5 "
        "pieces, and may not know the language.",
        view(BASE, "teacher", pieces=1.45),
    ),
    (
        "and nothing shows that it reads it",
        teacher_over(view(BASE, "teacher", pieces=3.6), floor=(0.0, 0.1)),
        "Next: take a teacher that reads this language (`teacher.kind=nblr`), as the teacher’s "
        "tokenizer cuts a word into 3.6",
        teacher_over(view(BASE, "teacher", pieces=3.6), floor=(0.001, 0.1)),
    ),
    (
        "nothing is unlabelled",
        with_data(BASE, unlabelled=0),
        "Next: give the student more texts, which need none, for the teacher to label "
        "(`data.unlabelled=FILE`), as no text "
        "was without a label.",
        with_data(BASE, unlabelled=0, augmented=500),
    ),
    (
        "little is unlabelled",
        with_data(BASE, unlabelled=499),
        f"{MORE} only 499 texts were without a label, beside 500 with.",
        with_data(BASE, unlabelled=500),
    ),
    (
        "little is unlabelled, and the teacher knows more",
        with_data(BASE, unlabelled=499).model_copy(update={"over_teacher": over(-0.001, 0.0009)}),
        f"{MORE} only 499 texts were without a label",
        with_data(BASE, unlabelled=499).model_copy(update={"over_teacher": over(0, 0)}),
    ),
    (
        "the student is far from its teacher",
        BASE.model_copy(update={"retention": 0.8999}),
        "Next: take a larger student network (`student.model=NAME`), as retention is 90.0 % and "
        "agreement 89.1 %, though the "
        "teacher labelled 7,705 more texts.",
        BASE.model_copy(update={"retention": 0.9}),
    ),
    (
        "few test rows",
        gained(0.0101, 0.02, 0.3, 0.2),
        "Next: test on more rows (`data.split.test=N`), as the gain of +1.0 points "
        "is within chance on 2,000 test texts (95 % interval -1.0 to +3.0, p = 0.300).",
        gained(0.01, 0.02, 0.3, 0.2),
    ),
    (
        "seeds that differ",
        gained(0.03, 0.04, 0.049, 0.2),
        "Next: train more seeds (`seeds=[0,1,2,3,4]`), as the gain of +3.0 "
        "points differs by seed (+2.0 to +4.0, p = 0.200 over seeds).",
        gained(0.03, 0.04, 0.05, 0.2),
    ),
    (
        "the teacher is not shown to be above the baseline",
        teacher_over(open_(), baseline=(0.0, 0.15)),
        "Next: take another teacher (`teacher.model=NAME`), as no difference was shown, and the teacher "
        "is not shown to be above "
        "the baseline (95 % interval of the difference 0.0 to +15.0 points).",
        teacher_over(open_(), baseline=(0.0001, 0.15)),
    ),
    (
        "no difference, and a teacher above",
        open_(),
        f"{MORE} no difference was shown, though the teacher is 7.7 points above the baseline.",
        BASE,
    ),
    ("it hurts", open_(verdict="hurts"), f"{MORE} distillation hurts, though the teacher is 7.7 points above", BASE),
    (
        "all is right",
        open_(scored(student=1.0, baseline=1.0, teacher=1.0)),
        "Next: take harder rows to tell them (`limbeck "
        "evaluate BUNDLE DATA`), as student and baseline are right on every test row, so that no gain can show.",
        open_(scored(student=1.0, baseline=0.9995, teacher=1.0)),
    ),
    (
        "the teacher is at chance",
        example.changed(BASE, "teacher", chance=AT_CHANCE).model_copy(update={"retention": None}),
        "Next: take another teacher (`teacher.model=NAME`), as the teacher is at chance.",
        BASE,
    ),
    (
        "the student is at chance",
        example.changed(BASE, "student", chance=AT_CHANCE).model_copy(update={"retention": None}),
        "Next: take another student network, or train it longer (`student.model=NAME`), as the student is at chance",
        BASE,
    ),
    (
        "no baseline",
        example.without(BASE, "baseline").model_copy(update={"gain": None, "verdict": "no_baseline"}),
        "Next: train a baseline, the same network without the teacher (`baseline={}`), as nothing else tells",
        BASE,
    ),
    (
        "one seed",
        BASE.model_copy(update={"seeds": [0], "verdict": "one_seed"}),
        "Next: train three seeds or more (`seeds=[0,1,2]`), as one seed says nothing about the spread between seeds.",
        BASE.model_copy(update={"seeds": [0], "solved": True}),
    ),
    (
        "two seeds",
        open_(BASE.model_copy(update={"seeds": [0, 1]})),
        "Next: train three seeds or more (`seeds=[0,1,2]`), as two seeds say little",
        BASE.model_copy(update={"seeds": [0, 1]}),
    ),
    (
        "no bundle",
        BASE.model_copy(update={"bundle": None, "bundle_error": "no ONNX form"}),
        "Next: change the student’s network (`student.model=NAME`), as the student could not be "
        "exported (no ONNX form), so",
        BASE,
    ),
]

OTHERWISE = {
    "the labels alone teach the same network more": MORE,
    "the student is far below a teacher that is level with the baseline": "Next: ",
    "few test rows": f"{MORE} no difference was shown",
    "seeds that differ": "Next: test on more rows",
    "the teacher is no better than the baseline": f"{MORE} no difference was shown",
    "the teacher is not shown to be above the baseline": f"{MORE} no difference was shown",
    "all is right": f"{MORE} no difference was shown",
}
"""What is next without the cause, where that is not to use the student."""
