"""What the test split was used for, and what other test sets of the folder were."""

from limbeck.evaluation.records import TestEvaluation
from limbeck.evaluation.schema import Findings
from limbeck.report.words.names import STUDENT, model
from limbeck.report.words.numbers import capital, count, date, several


def about_test(findings: Findings) -> str:
    """Return what the test split was used for."""
    looks = len(findings.own_uses)
    checkpoints = "" if findings.solved else "checkpoints, "
    seed = "" if findings.are_solved(STUDENT) else ", the seed to ship"
    choices = f"{checkpoints}settings, precision{seed}"
    text = f"Every choice ({choices}) was made on the validation split."
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


def look(findings: Findings, use: TestEvaluation) -> str:
    """Return when and with what a test split was read, in the names that the models had then."""
    own = use in findings.own_uses
    names = ", ".join(use.names.get(name) or _plain(name, findings if own else None) for name in use.models)
    other = "" if own else f" another test set ({use.about}):"
    return f"{date(use.time)}:{other} {names}; recipe `{use.recipe_digest[:12]}`."


def _plain(name: str, findings: Findings | None) -> str:
    """Return a model's name; where the run that had it is not known, the name of its role."""
    return name.replace("_", " ") if findings is None else model(name, findings)
