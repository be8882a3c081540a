"""How long things take, by a fixed table: a plan is the same on every machine, however busy it is."""

OPERATIONS_PER_S = 9e10
"""Multiplications and additions of a transformer's matrices on two idle processor cores, in float32."""
_ANSWER, _TRAIN = 2, 6
"""Operations for each parameter of a matrix and each token: forwards, and forwards and backwards."""


def answering(parameters: int, tokens: float) -> float:
    """Return the seconds in which a transformer answers texts of so many tokens in all.

    Args:
        parameters: of its matrices, without its tables of tokens.
        tokens: of the texts, together.
    """
    return _ANSWER * parameters * tokens / OPERATIONS_PER_S


def training(parameters: int, tokens: float) -> float:
    """Return the seconds in which a transformer learns from so many tokens, each time that it sees one counted."""
    return _TRAIN * parameters * tokens / OPERATIONS_PER_S
