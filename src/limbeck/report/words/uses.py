"""What the test split was used for, what other test sets of the folder were, and by which rows choices were made."""

from limbeck.evaluation.records import TestEvaluation
from limbeck.evaluation.schema import Findings
from limbeck.report.words.names import FLOOR, STUDENT, model
from limbeck.report.words.numbers import capital, count, date, listed, several


def about_test(findings: Findings) -> str:
    """Return what the test split was used for."""
    looks = len(findings.own_uses)
    checkpoints = "" if findings.solved else "checkpoints, "
    seed = "" if findings.are_solved(STUDENT) else ", the seed to ship"
    choices = f"{checkpoints}settings, precision{seed}"
    text = f"Every choice ({choices}) was made on {_chosen_on(findings)}."
    if not looks:
        return f"{text} No evaluation on the test split is on record."
    text += f" The test split was read {'once' if looks == 1 else several(looks, 'time')} in this folder."
    if others := len(findings.test_evaluations) - looks:
        were = "one other reading was" if others == 1 else f"{count(others)} other readings were"
        text += f" {capital(were)} of another test set."
    if looks == 1:
        return text
    return (
        f"{text} Recipes that were changed after a look at test results make later results look better than they are."
    )


def _chosen_on(findings: Findings) -> str:
    """Return the rows on which choices were made."""
    found, labelled = findings.selection, several(findings.data.labelled, "labelled row")
    parts = ["the validation split"]
    if found.teacher_folds is not None:
        parts.append(f"of the teacher also on the {labelled}, in {found.teacher_folds} folds")
    if found.baseline_folds is not None:
        both = f"the baseline and {model(FLOOR, findings)}" if FLOOR in findings.models else "the baseline"
        parts.append(f"of {both} on the {labelled}, in {found.baseline_folds} folds")
    if found.watched is not None:
        parts.append(
            f"of arms with a teacher by its answers for {several(found.watched, 'unlabelled row')} that they did not "
            "learn from"
        )
    return "; ".join(parts)


def chosen_where(findings: Findings) -> str:
    """Return the title of what was chosen."""
    return "Chosen on validation" if findings.selection.none else "Chosen before the test"


def best_where(findings: Findings) -> str:
    """Return why a seed of the student is the one that is shown."""
    return "the best on validation" if findings.selection.watched is None else "the nearest to the teacher's answers"


def why_solved(findings: Findings) -> str:
    """Return why a solved student ships where others were trained, from a colon on; else nothing."""
    student = findings.student
    if student is None or not student.trained or not findings.are_solved(STUDENT):
        return ""
    where = "on validation" if findings.selection.watched is None else "by the teacher's answers"
    if (over := student.passed_over) is not None:
        return (
            f": {where}, the best trained network, `{over}`, was ahead of the student by no more than chance explains"
        )
    return (
        f": {where}, no trained network ({listed([f'`{name}`' for name in student.trained])}) was ahead of the student"
    )


def about_unlabelled(findings: Findings) -> str:
    """Return what unlabelled rows are for."""
    if not findings.data.unlabelled:
        return ""
    watched = findings.selection.watched
    also = "" if watched is None else f"; by {count(watched)} of them students are chosen, and none learns from these"
    return f"only the teacher labels these{also}"


def look(findings: Findings, use: TestEvaluation) -> str:
    """Return when and with what a test split was read, in the names that the models had then."""
    own = use in findings.own_uses
    names = ", ".join(use.names.get(name) or _plain(name, findings if own else None) for name in use.models)
    other = "" if own else f" another test set ({use.about}):"
    return f"{date(use.time)}:{other} {names}; recipe `{use.recipe_digest[:12]}`."


def _plain(name: str, findings: Findings | None) -> str:
    """Return a model's name; where the run that had it is not known, the name of its role."""
    return name.replace("_", " ") if findings is None else model(name, findings)
