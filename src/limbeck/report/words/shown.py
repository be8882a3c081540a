"""Pictures of examples in words: what a network sees, and what an example is called."""

from limbeck.report.words.numbers import capital, shorten

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
