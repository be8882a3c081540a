"""Pictures of examples in words: what a network sees, and what an example is called."""

from limbeck.evaluation.figures import WeakClass
from limbeck.evaluation.schema import Findings
from limbeck.report.words.numbers import capital, count, percent, shorten

ORIGINAL, COPIES = "As it is", "What data.augment draws"
NAME = 80
"""At most so many characters of an example's name are shown."""


def seen(noun: str) -> str:
    """Return what the picture beside an example shows, for those who do not see it."""
    return f"What the student’s network sees of the {noun}"


def spectrogram() -> str:
    """Return how a spectrogram is read."""
    return (
        "Below a sound is its log-mel spectrogram as the student’s network reads it: time to the right, pitch upwards."
    )


def called(name: str) -> str:
    """Return what an example is called: its row in a file begins a sentence, a file's path stays as it is."""
    text = shorten(name, NAME)
    return capital(text) if text.startswith(("row ", "test row ")) else text


def about_copies(findings: Findings) -> str:
    """Return what the pictures of copies show, and who sees such copies."""
    noun, rows = findings.usage.noun, findings.data.augmented
    what = f"{capital(noun)}s of the training rows beside the first copies of each, as the networks get them"
    if rows:
        return f"{what}. The teacher answers for {count(rows)} such copies."
    return f"{what}. The teacher alone learns them."


def weak_class(weak: WeakClass) -> str:
    """Return a class, the F1 of the student that ships, and how much of it that student takes for another class."""
    return f"{shorten(weak.name, 40)}: F1 {percent(weak.f1)}, {count(weak.wrong)} of {count(weak.rows)} wrong"


def about_mistakes(findings: Findings) -> str:
    """Return which mistakes are shown."""
    text = "Mistakes of the student that ships in its classes of the lowest F1: those of which it is surest"
    return f"{text}, and which do not stand above where there are others." if findings.samples else f"{text}."
