"""How long things take, by a fixed table: a plan is the same on every machine, however busy it is."""

ANSWERING_PER_S, TRAINING_PER_S = 9e10, 8e10
"""Multiplications and additions of a transformer's matrices on two idle processor cores, in float32."""
_ANSWER, _TRAIN = 2, 6
"""Operations for each parameter of a matrix and each token: forwards, and forwards and backwards."""
_SOLVED, _CROSSED = 1.5e-5, 1.6e-5
"""Seconds for each token and class in which linear models learn a teacher's answers, and labels, in folds."""
_STEP, _WORD = 3e-3, 2.4e-6
"""Seconds of a small student's step, and of each word in it."""


def answering(parameters: int, tokens: float) -> float:
    """Return the seconds in which a transformer answers texts of so many tokens in all.

    Args:
        parameters: of its matrices, without its tables of tokens.
        tokens: of the texts, together.
    """
    return _ANSWER * parameters * tokens / ANSWERING_PER_S


def training(parameters: int, tokens: float) -> float:
    """Return the seconds in which a transformer learns from so many tokens, each time that it sees one counted."""
    return _TRAIN * parameters * tokens / TRAINING_PER_S


def solving(classes: int, labelled: float, every: float) -> float:
    """Return the seconds in which the linear models of a run are solved: students, baseline and floors.

    Args:
        classes: how many there are.
        labelled: words of the labelled texts.
        every: words of all texts that a student learns from.
    """
    return classes * (_SOLVED * every + _CROSSED * labelled)


def steps(count: int, words: float) -> float:
    """Return the seconds in which a small student takes so many steps, each with so many words."""
    return count * (_STEP + _WORD * words)
