"""How long things take, by a fixed table: a plan is the same on every machine, however busy it is.

It was measured on two idle cores of a processor without AVX-512 (`benchmarks/LOG.md`, 2026-11-30): others are faster.
"""

ANSWERING_PER_S, TRAINING_PER_S = 9.6e10, 7.7e10
"""Multiplications and additions of a transformer's matrices in a second, in float32."""
_MORE = 5
"""Tokens that a text costs beside its own: short ones fill no matrix."""
_ANSWER, _TRAIN = 2, 6
"""Operations for each parameter of a matrix and each token: forwards, and forwards and backwards."""
_SOLVED, _CROSSED = 1.5e-5, 1.6e-5
"""Seconds for each token and class in which linear models learn a teacher's answers, and labels, in folds."""
_FITTED = 0.1
"""Seconds for each class in which the teacher's linear members are fitted, each time that it is made."""
_READ, _TIMED = 30.0, 0.15
"""Seconds of a run for its rows, export and report, and, for each word of a text, for times and floors on the test."""
_SUMS = ("ngrams",)
"""Networks that add up a vector a word, and do nothing else with words."""
_SUM_STEP, _SUM_WORD = 2.5e-3, 8e-7
_STEP, _WORD = 4.5e-3, 7e-6
"""Seconds of a step, and of each word in it: of these networks, and of any other small one."""


def answering(parameters: int, texts: float, tokens: float) -> float:
    """Return the seconds in which a transformer answers so many texts.

    Args:
        parameters: of its matrices, without its tables of tokens.
        texts: how many.
        tokens: of a text, on average.
    """
    return _ANSWER * parameters * texts * (tokens + _MORE) / ANSWERING_PER_S


def training(parameters: int, texts: float, tokens: float) -> float:
    """Return the seconds in which a transformer learns from so many texts, each time that it sees one counted."""
    return _TRAIN * parameters * texts * (tokens + _MORE) / TRAINING_PER_S


def fitting(classes: int, times: int) -> float:
    """Return the seconds in which the teacher's linear members are fitted to labels so many times."""
    return _FITTED * classes * times


def solving(classes: int, labelled: float, every: float) -> float:
    """Return the seconds in which the linear models of a run are solved: students, baseline and floors.

    Args:
        classes: how many there are.
        labelled: words of the labelled texts.
        every: words of all texts that a student learns from.
    """
    return classes * (_SOLVED * every + _CROSSED * labelled)


def steps(network: str, count: int, words: float) -> float:
    """Return the seconds in which a small student takes so many steps.

    Args:
        network: its name in a recipe.
        count: how many steps.
        words: of each.
    """
    step, word = (_SUM_STEP, _SUM_WORD) if network in _SUMS else (_STEP, _WORD)
    return count * (step + word * words)


def others(words: float) -> float:
    """Return the seconds of a run that depend on nothing but the words of a text, on average."""
    return _READ + _TIMED * words
