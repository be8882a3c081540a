"""`limbeck predict`: ask a bundle for what is given, and say its answers as they come."""

import io
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from limbeck.errors import LimbeckError
from limbeck.runtime.bundle import Bundle, load_for_files
from limbeck.runtime.decisions import SHARES
from limbeck.runtime.records import STDIN
from limbeck.runtime.takes import Asked, WithContent, answered
from limbeck.runtime.windows import Unheard, answered_by_window
from limbeck.runtime.written import Printed, Saying, Writer, written_to

_EVERY_S = 10.0
"""How often a line says how far it is, where the answers go to a file."""


@dataclass(frozen=True, slots=True)
class Wish:
    """How a student is asked, and how its answers are said.

    Attributes:
        columns: with the example, where a file has columns; none: as in the training.
        out: the file that answers go to; None: standard output.
        as_json: whether lines are JSON.
        top: so many classes of the highest probabilities are said; None: that which is decided.
        threshold: below this probability the student abstains; `95%`: below the one from which that share of the
            answers was right on validation; None: it never does.
        hop: of long sounds, seconds from the beginning of a piece to that of the next one; None: one piece is heard.
    """

    columns: Sequence[str] = ()
    out: Path | None = None
    as_json: bool = False
    top: int | None = None
    threshold: str | None = None
    hop: float | None = None


def predict_files(bundle: Path, given: Sequence[str], wish: Wish) -> bool:
    """Answer what is given; return whether everything could be read.

    Raises:
        LimbeckError: no bundle, a wish that it cannot fulfil, or an argument alone that cannot be read; or none can,
            and the answers go to a file, which stays as it was.
    """
    student, takes = load_for_files(bundle)
    said = Saying(student.rule, wish.top, _least(student, wish.threshold))
    _require_possible(student, wish)
    asked = takes.asked(given, wish.columns, _note)
    if wish.out is None:
        if isinstance(sys.stdout, io.TextIOWrapper) and not sys.stdout.isatty():
            sys.stdout.reconfigure(
                encoding="utf-8", errors="backslashreplace"
            )  # for another program, whatever the locale
        return _answer(student, asked, said, Printed(sys.stdout, said, as_json=wish.as_json), wish, typed=_typed(given))
    with written_to(wish.out, said, [each for each in given if each != STDIN]) as writer:
        return _answer(student, asked, said, writer, wish)


def _typed(given: Sequence[str]) -> bool:
    """Return whether somebody types the texts, and waits for each answer."""
    return (STDIN in given or not given) and sys.stdin is not None and sys.stdin.isatty()


def _answer(
    student: Bundle, asked: Iterator[Asked], said: Saying, writer: Writer, wish: Wish, *, typed: bool = False
) -> bool:
    kept, unheard = WithContent(), Unheard(student.reader)
    values = kept.of(asked)
    if wish.hop is None:
        answers = answered(unheard.of(values), student.predict, at_once=1 if typed else None)
    else:
        answers = answered_by_window(values, student.reader, student.predict, wish.hop)
    count, unread, told = 0, 0, time.monotonic()
    try:
        for one, answer in answers:
            if isinstance(answer, LimbeckError):
                unread += 1
                _note(f"error: {answer}")
                continue
            writer.add(one, said.answer(answer))
            count += 1
            if wish.out is not None and time.monotonic() - told > _EVERY_S:
                told = time.monotonic()
                _note(f"{count:,} answered")
    except KeyboardInterrupt:
        kept_where = "nothing was written" if wish.out is not None else "they stand above"
        _note(f"{count:,} answered before the interrupt; {kept_where}")
        raise
    for line in (kept.said, unheard.said):
        if line:
            _note(line)
    if wish.out is not None:
        if unread and not count:
            raise LimbeckError("nothing is written, as nothing could be read", where=f"--out={wish.out}")
        _note(f"{count:,} answer{'s' * (count != 1)} in {wish.out}")
    return not unread


def _least(student: Bundle, threshold: str | None) -> float | None:
    """Return the probability below which the student abstains.

    Raises:
        LimbeckError: it is none, or validation has shown none of that share.
    """
    if threshold is None:
        return None
    number, percent, rest = threshold.strip().partition("%")
    try:
        value = float(number) / (100 if percent else 1)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1 or rest:
        told = "no probability, and no share of right answers in percent"
        raise LimbeckError(told, where=f"--threshold={threshold}", fix="give 0.8, or 95%")
    if not percent:
        return value
    known = student.rule.confidences
    for share, (probability, _) in known.items():
        if abs(share - value) < 1e-9:
            return probability
    raise _no_share(threshold, value, known)


def _no_share(threshold: str, share: float, known: Mapping[float, tuple[float, float]]) -> LimbeckError:
    """Return the error for a share that is not looked for at all, or that validation did not reach."""
    shown = ", ".join(f"{100 * each:g}% (of {answered:.0%} of the rows)" for each, (_, answered) in known.items())
    told = f"validation has shown no probability from which {threshold} of the answers are right"
    if not any(abs(share - each) < 1e-9 for each in SHARES):
        told = f"a bundle records the probabilities for {', '.join(f'{100 * each:g}%' for each in SHARES)} alone"
    more = "; a student that had more validation rows may know one"
    fix = f"give {shown}, or a probability, such as 0.8" if known else f"give a probability, such as 0.8{more}"
    return LimbeckError(told, where=f"--threshold={threshold}", fix=fix)


def _require_possible(student: Bundle, wish: Wish) -> None:
    probable = student.rule.sure is not None
    for key, value in (("--threshold", wish.threshold), ("--top", wish.top)):
        if value is not None and not probable:
            raise LimbeckError("this student gives values, not probabilities", where=key, fix="leave it out")


def _note(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
