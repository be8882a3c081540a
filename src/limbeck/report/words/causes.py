"""What keeps a student from being better, as the run has measured it: each cause, and what to do about it."""

from limbeck.evaluation.schema import Findings
from limbeck.evaluation.significance import LEVEL, verdict
from limbeck.report.words.asked import (
    LOW_RETENTION,
    better_by,
    doubtful_teacher,
    floor_over,
    labels_well,
    no_room,
    weak_teacher,
)
from limbeck.report.words.data import few_without_label, many_pieces, much_cut
from limbeck.report.words.floors import behind_distilled, hears, network_adds_nothing
from limbeck.report.words.names import BASELINE, DISTILLED, FLOOR, STUDENT, TEACHER, model, the
from limbeck.report.words.numbers import (
    count,
    decimal,
    difference,
    interval_of,
    is_beside,
    listed,
    p_text,
    percent,
    shorten,
    unit,
)
from limbeck.report.words.steps import Delivered, Step
from limbeck.report.words.verdict import TRAIN_THREE, at_chance
from limbeck.report.words.warnings import floor_ahead

ROWS_MORE = 4
"""A gain that would be clear of chance on up to so many times the test rows is worth that many."""
MORE_SEEDS = 5
"""So many, or two more than there were, are to be trained where seeds differ."""

_ANOTHER_TEACHER = "teacher.kind=KIND"  # whatever kind it is
_ANOTHER_STUDENT = "student.model=NAME"
_MORE_TEXT = "data.unlabelled=FILE"
_MORE_ROWS = "limbeck.distill(train=...)"  # a loader brings all its rows


# --- steps that several causes take ---------------------------------------------------------------------------------


def _another_teacher(findings: Findings, why: str) -> Step:
    """Return a step that ends with another teacher, in the words of its kind, or a longer training where steps made it.

    Beside a floor that is better than the teacher, another one reads what the floor does.
    """
    kind, over = findings.teacher, floor_over(findings, TEACHER)
    if kind is not None and kind.like_floor is not None and over is not None and over > 0:
        name = model(FLOOR, findings)
        told = why if name in why else f"{why}, and {name} {is_beside(over, findings.metric, 'it')}"
        return Step(told, f"take a teacher that reads what {name} reads, alone or in an ensemble", kind.like_floor)
    longer = ", or train it longer or on more labels" if kind is not None and kind.by_steps else ""
    return Step(why, f"take another teacher{longer}", _ANOTHER_TEACHER if kind is None else kind.another)


def _another_student(findings: Findings, why: str, what: str) -> Step:
    student = findings.student
    return Step(why, what, _ANOTHER_STUDENT if student is None else student.another)


def _more_text(findings: Findings, why: str) -> Step:
    what = f"give the student more unlabelled {findings.usage.noun}s for the teacher to label"
    return Step(why, what, _MORE_TEXT if findings.usage.in_files else _MORE_ROWS)


def _key_of(network: str) -> str | None:
    """Return where the recipe says what a network reads; None of an arm that reads in its own way."""
    name, _, number = network.partition("-")
    if name == TEACHER and number:
        return f"{TEACHER}.members.{number}"
    return network if network in (TEACHER, STUDENT) else None


def _cut_for(findings: Findings, role: str) -> dict[str, float]:
    """Return the share of texts cut, by network of a role that reads many of them cut: of an ensemble, its members."""
    found = much_cut(findings).items()
    return {name: cut for name, cut in found if _key_of(name) is not None and name.startswith(role)}


def _longer(findings: Findings, why: str | None = None) -> Step:
    """Return a step that ends with longer texts, for every network that many are cut for."""
    cut = _cut_for(findings, TEACHER) | _cut_for(findings, STUDENT)
    (first, share), *others = cut.items()
    told = [f"{percent(share)} of the training {findings.usage.noun}s are cut for {the(first)}"]
    told += [f"{percent(share)} for {the(name)}" for name, share in others]
    shares = listed(told)
    whole = findings.data.views.get(TEACHER)
    if TEACHER not in cut and STUDENT in cut and whole is not None:
        shares += f" and only {percent(whole.cut)} for the teacher"
    keys = [f"{_key_of(name)}.reads.max_length=N" for name in cut]
    return Step(shares if why is None else f"{why}, and {shares}", "read more tokens of each", " ".join(keys))


# --- the teacher ----------------------------------------------------------------------------------------------------


def bad_teacher(findings: Findings, there: Delivered) -> Step | None:
    """The teacher is worse than what needs none, beyond chance."""
    why = weak_teacher(findings)
    return None if why is None else _of_a_better_teacher(findings, why)


def no_better_teacher(findings: Findings, there: Delivered) -> Step | None:
    """The teacher is no better than what needs none, by the scores alone."""
    why = doubtful_teacher(findings)
    return None if why is None else _of_a_better_teacher(findings, why)


def _of_a_better_teacher(findings: Findings, why: str) -> Step:
    """Return what helps a teacher that does not know the language, or reads beginnings only; or that it be another."""
    if (pieces := _foreign(findings)) is not None:
        return _of_the_language(findings, f"{why}, and {pieces}")
    if _cut_for(findings, TEACHER):
        return _longer(findings, why)
    return _another_teacher(findings, why)


def foreign(findings: Findings, there: Delivered) -> Step | None:
    """The teacher's tokenizer cuts words up, and nothing shows that the teacher reads them all the same."""
    pieces, over = _foreign(findings), findings.teacher_over.get(FLOOR)
    if pieces is None or (over is not None and over.ci95[0] > 0):
        return None
    return _of_the_language(findings, f"{pieces}, and may not know the language")


def _foreign(findings: Findings) -> str | None:
    pieces = [number for name, number in many_pieces(findings).items() if name.startswith(TEACHER)]
    return f"the teacher’s tokenizer cuts a word into {decimal(max(pieces))} pieces" if pieces else None


def _of_the_language(findings: Findings, why: str) -> Step:
    kind = findings.teacher
    code = _ANOTHER_TEACHER if kind is None else kind.like_floor or kind.another
    return Step(why, "take a teacher that reads this language", code)


# --- the student ----------------------------------------------------------------------------------------------------


def no_bundle(findings: Findings, there: Delivered) -> Step | None:
    """The student cannot be shipped."""
    if not there.error:
        return None
    why = f"the student could not be exported ({shorten(there.error, 120)}), so that there is no bundle"
    return _another_student(findings, why, "change the student’s network")


def unheard(findings: Findings, there: Delivered) -> Step | None:
    """No loss compares the student with its teacher."""
    student = findings.student
    if student is None or hears(findings) or student.plain_losses is None:
        return None
    return Step("no loss hears the teacher", "learn from kd beside the labels", student.plain_losses)


def worse_told(findings: Findings, there: Delivered) -> Step | None:
    """The student is below its baseline and below a teacher that could teach it more; the losses are no plain ones."""
    student = findings.student
    more = _far_below(findings)
    if findings.verdict != "hurts" or student is None or student.plain_losses is None or more is None:
        return None
    why = f"the labels alone teach its network more, {more}: losses or weights are at fault"
    return Step(why, "learn from kd beside the labels", student.plain_losses)


def _far_below(findings: Findings) -> str | None:
    """Return what says that the student has not learned what its teacher knows; None: nothing does."""
    if labels_well(findings):
        return "though the teacher is better"
    if (found := at_chance(findings)) is not None and found[0] == STUDENT:
        return "and the student is at chance"
    kept = findings.retention
    return None if kept is None or kept >= LOW_RETENTION else f"and the student keeps {percent(kept)} of its teacher"


def student_at_chance(findings: Findings, there: Delivered) -> Step | None:
    """The student has learned nothing of a teacher that knows something."""
    found = at_chance(findings)
    if found is None or found[0] != STUDENT:
        return None
    if _cut_for(findings, STUDENT):
        return _longer(findings, "the student is at chance")
    why = "the student is at chance, and its teacher is not"
    return _another_student(findings, why, "take another student network, or train it longer")


def behind_linear(findings: Findings, there: Delivered) -> Step | None:
    """A linear model of the same teacher's answers is better than the student, beyond chance.

    Of a student that is solved nothing is said here: it is such a model itself.
    """
    if not behind_distilled(findings) or weak_teacher(findings) is not None or findings.are_solved(STUDENT):
        return None
    return _linear(findings, "ship a linear student in its place", "")


def adds_nothing(findings: Findings, there: Delivered) -> Step | None:
    """The student is not shown to be better than a linear model of the same answers, nor ahead of it."""
    if network_adds_nothing(findings) is None or findings.are_solved(STUDENT) or not labels_well(findings):
        return None
    return _linear(findings, "try a linear student", ", within chance")


def _linear(findings: Findings, what: str, sure: str) -> Step:
    over, student = findings.over_distilled_floor, findings.student
    size = 0.0 if over is None else -over.mean
    name, other = the(DISTILLED, findings), "the student that learned the same answers"
    why = f"{name} {is_beside(size, findings.metric, other)}{sure}" if size else f"{name} is level with {other}"
    if _cut_for(findings, STUDENT):  # a linear student would read the same beginnings
        return _longer(findings, why)
    if student is None or student.linear is None:
        return _another_student(findings, why, "take another or a larger student network")
    return Step(why, what, student.linear)


def behind_floor(findings: Findings, there: Delivered) -> Step | None:
    """The floor is ahead of the student, though not of the teacher."""
    over = floor_over(findings, STUDENT)
    if floor_ahead(findings) is None or over is None or not labels_well(findings):
        return None
    why = f"{model(FLOOR, findings)} {is_beside(over, findings.metric, 'the student')}"
    if _cut_for(findings, STUDENT):
        return _longer(findings, why)
    if (kept := _kept_little(findings)) is not None:
        return _larger(findings, f"{why}, and {kept}")
    return _more_text(findings, why)


def small(findings: Findings, there: Delivered) -> Step | None:
    """The student is far below its teacher, though it had text enough."""
    why = _kept_little(findings)
    return None if why is None else _larger(findings, why)


def _larger(findings: Findings, why: str) -> Step:
    """Return a step that ends with a larger student; where larger ones were trained and lost, with more text."""
    if findings.are_solved(STUDENT) and findings.student is not None and findings.student.trained:
        return _more_text(findings, f"{why}, and no network that was trained follows the teacher better")
    return _another_student(findings, why, "take a larger student network")


def _kept_little(findings: Findings) -> str | None:
    kept, data = findings.retention, findings.data
    more = data.unlabelled + data.augmented
    if kept is None or kept >= LOW_RETENTION or not more or few_without_label(findings) or not labels_well(findings):
        return None
    agreed = "" if findings.agreement is None else f" and agreement {percent(findings.agreement)}"
    return (
        f"retention is {percent(kept)}{agreed}, though the teacher labelled {count(more)} more {findings.usage.noun}s"
    )


# --- the rows -------------------------------------------------------------------------------------------------------


def cut(findings: Findings, there: Delivered) -> Step | None:
    """Many texts are read in part only."""
    found = _cut_for(findings, TEACHER) | _cut_for(findings, STUDENT)
    return _longer(findings) if found else None


def little_text(findings: Findings, there: Delivered) -> Step | None:
    """Few texts are the teacher's alone: fewer than have a label, and the student is not as good as its teacher."""
    data, noun = findings.data, findings.usage.noun
    if not findings.usage.in_files or not few_without_label(findings) or not labels_well(findings):
        return None
    more = data.unlabelled + data.augmented
    if not more:
        return Step(
            f"no {noun} was without a label",
            f"give the student more {noun}s, which need none, for the teacher to label",
            _MORE_TEXT,
        )
    if findings.over_teacher.mean >= 0:
        return None
    return _more_text(findings, f"only {count(more)} {noun}s were without a label, beside {count(data.labelled)} with")


# --- the verdict ----------------------------------------------------------------------------------------------------


def no_baseline(findings: Findings, there: Delivered) -> Step | None:
    """There is nothing to compare the student with, and there are labels that a baseline could learn."""
    if BASELINE in findings.models or not findings.data.labelled:
        return None
    why = "nothing else tells whether distillation helps"
    return Step(why, "train a baseline, the same network without the teacher", "baseline={}")


def few_seeds(findings: Findings, there: Delivered) -> Step | None:
    """One seed, or two, do not tell a gain from the luck of a training."""
    seeds = len(findings.seeds)
    if seeds > 2 or findings.are_solved(STUDENT, BASELINE):
        return None
    why = f"{'one seed says nothing' if seeds == 1 else 'two seeds say little'} about the spread between seeds"
    return Step(why, "train three seeds or more", TRAIN_THREE)


def unclear(findings: Findings, there: Delivered) -> Step | None:
    """There is a gain, and a few times the test rows, or more seeds, would show it.

    An interval is as wide as one over the root of the rows: of `ROWS_MORE` times the rows, half as wide. Where p over
    test examples is below `LEVEL`, these are enough, and it is the seeds that differ.
    """
    gain, metric = findings.gain, findings.metric
    if (
        gain is None
        or findings.verdict != "no_difference"
        or verdict(gain, solved=findings.are_solved(STUDENT, BASELINE)) != "no_difference"
    ):
        return None
    low, high = gain.ci95
    if gain.mean <= (high - low) / 2 / ROWS_MORE**0.5:
        return None
    size = f"{difference(gain.mean, metric)} {unit(metric)}"
    if gain.p_value < LEVEL and gain.p_seeds is not None:
        spread = interval_of((min(gain.per_seed), max(gain.per_seed)), metric)
        why = f"the gain of {size} differs by seed ({spread}, {p_text(gain.p_seeds)} over seeds)"
        seeds = ",".join(map(str, range(max(MORE_SEEDS, len(gain.per_seed) + 2))))
        return Step(why, "train more seeds", f"seeds=[{seeds}]")
    tested = f"{count(findings.test_examples)} test {findings.usage.noun}s"
    interval = interval_of(gain.ci95, metric)
    why = f"the gain of {size} is within chance on {tested} (95 % interval {interval}, {p_text(gain.p_value)})"
    return Step(why, "test on more rows", findings.data.more_test or "data.split.test=N")


def open_verdict(findings: Findings, there: Delivered) -> Step | None:
    """The gain is none, and no cause of that was measured but how far the teacher is above the baseline."""
    teacher, baseline = findings.score(TEACHER), findings.score(BASELINE)
    if findings.verdict not in ("no_difference", "hurts") or no_room(findings) or not labels_well(findings):
        return None
    if teacher is None or baseline is None:
        return None
    why = "no difference was shown" if findings.verdict == "no_difference" else "distillation hurts"
    over = findings.teacher_over.get(BASELINE)
    if over is not None and over.ci95[0] <= 0 and not few_without_label(findings) and floor_ahead(findings) is None:
        interval = f"95 % interval of the difference {interval_of(over.ci95, findings.metric)} {unit(findings.metric)}"
        return _another_teacher(findings, f"{why}, and the teacher is not shown to be above the baseline ({interval})")
    room = is_beside(better_by(teacher, baseline, findings), findings.metric, "the baseline")
    return _more_text(findings, f"{why}, though the teacher {room}")
