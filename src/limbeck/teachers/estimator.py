"""A fitted estimator of scikit-learn: from a file, and by name."""

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limbeck import installed
from limbeck.code import code_of
from limbeck.console import say
from limbeck.digest import arrays_digest, digest
from limbeck.errors import LimbeckError, first_line

_UNUSED = {"_stop_words_id"}
"""Attributes of estimators that change while they answer, and on which no answer depends: a place in memory."""
SAFE, PICKLED = (".skops",), (".joblib", ".pkl", ".pickle")
"""Suffixes of files: those that hold known types only, and those that run code when they are read."""
_LIBRARIES = ("sklearn.", "numpy.", "scipy.")
"""Whose types a line to paste may name: of any other, nobody knows here what they do."""
_SHOWN = 5


@dataclass(frozen=True)
class Estimator:
    """A fitted estimator, and what names it.

    Attributes:
        fitted: itself.
        digest: 16 hex digits: of its parameters, of what it has learned, of the code of types that are no library's,
            and of the version of scikit-learn.
        unverifiable: why the digest may stay when it changes, a reason each; see `code_of`.
    """

    fitted: Any
    digest: str
    unverifiable: tuple[str, ...]


# --- from a file ----------------------------------------------------------------------------------------------------


def loaded(path: Path, *, trust: Sequence[str], trust_pickle: bool, key: str) -> Estimator:
    """Return the estimator of a file, read once as long as the file stays as it is.

    Args:
        path: of the file.
        trust: types in a .skops file that the recipe allows, beside those that skops knows as harmless.
        trust_pickle: whether the recipe allows that code in the file is run.
        key: of the teacher in the recipe, for errors.

    Raises:
        LimbeckError: there is no such file, it needs trust that the recipe does not give, or it cannot be read.
    """
    suffix = path.suffix.lower()
    if suffix not in (*SAFE, *PICKLED):
        raise LimbeckError(
            f"`{path.suffix or path.name}` is no file of an estimator that is read",
            where=f"{key}.path ({path})",
            fix=f"give {', '.join(SAFE)} (skops.io.dump), or {', '.join(PICKLED)} with {key}.trust_pickle=true",
        )
    if not path.is_file():
        raise LimbeckError("there is no such file", where=f"{key}.path ({path})", fix="mend the path")
    if suffix in PICKLED and not trust_pickle:
        raise LimbeckError(
            f"a {suffix} file runs whatever code is in it when it is read",
            where=f"{key}.path ({path})",
            fix=f"write it with skops.io.dump(estimator, 'teacher.skops'); or, where you made the file yourself, set "
            f"{key}.trust_pickle=true",
        )
    found = path.stat()
    return _read(path, (found.st_mtime_ns, found.st_size, found.st_ino), tuple(trust), key)


@lru_cache(maxsize=4)
def _read(path: Path, stamp: tuple[int, ...], trust: tuple[str, ...], key: str) -> Estimator:
    where = f"{key}.path ({path})"
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        try:
            found = _unpickled(path) if path.suffix.lower() in PICKLED else _unpacked(path, trust, key)
        except LimbeckError:
            raise
        except ModuleNotFoundError as error:
            raise LimbeckError(
                f"it needs `{error.name}`, which cannot be imported", where=where, fix="install it, or put it beside "
                "the recipe",
            ) from error  # fmt: skip
        except Exception as error:  # of a damaged file, the readers raise whatever they meet
            raise LimbeckError(
                f"cannot be read ({type(error).__name__}: {first_line(error)})", where=where, fix="write it anew"
            ) from error
    for line in dict.fromkeys(str(one.message).partition("\n")[0] for one in heard):
        if "version" in line:
            say(f"  {where}: {line}", style="yellow")
    return named_estimator(found)  # before it is asked, which may change it


def _unpickled(path: Path) -> Any:
    import joblib

    return joblib.load(path)


def _unpacked(path: Path, trust: tuple[str, ...], key: str) -> Any:
    where = f"{key}.path ({path})"
    try:
        from skops import io
    except ImportError:
        raise LimbeckError(
            "a .skops file is read by skops, which is not installed", where=where, fix=installed.line("sklearn")
        ) from None
    needed = io.get_untrusted_types(file=path)
    if unknown := [name for name in needed if name not in trust]:
        more = f" and {len(unknown) - _SHOWN:,} more" if len(unknown) > _SHOWN else ""
        strange = [name for name in unknown if not name.startswith(_LIBRARIES)]
        raise LimbeckError(
            f"it holds types that skops does not know as harmless: {', '.join(unknown[:_SHOWN])}{more}",
            where=where,
            fix=f"fit it without {', '.join(strange[:_SHOWN])}; or, where you made the file yourself, write it with "
            f"joblib.dump and set {key}.trust_pickle=true"
            if strange
            else f"where you made the file yourself, set '{key}.trust=[{', '.join([*trust, *unknown])}]'",
        )
    return io.load(path, trusted=[name for name in needed if name in trust])


# --- by name --------------------------------------------------------------------------------------------------------


def named_estimator(fitted: Any) -> Estimator:
    """Return an estimator with what names it."""
    import sklearn

    code = code_of([fitted], _parts)
    return Estimator(fitted, digest([code.digest, sklearn.__version__]), code.unverifiable)


def _parts(value: Any) -> Iterable[Any] | None:
    """Take apart what has no stable pickle, or too many parts."""
    from sklearn.base import BaseEstimator

    if isinstance(value, BaseEstimator):
        return [type(value), [pair for pair in sorted(vars(value).items()) if pair[0] not in _UNUSED]]
    if isinstance(value, np.ndarray):
        if value.dtype.names:  # the room between the fields holds anything
            return [(name, np.ascontiguousarray(value[name])) for name in value.dtype.names]
        return [value.tolist() if value.dtype.hasobject else _bytes_digest(value)]
    if isinstance(value, np.random.RandomState):  # what is pickled beside the state is drawn anew where a file is read
        return [value.get_state(legacy=False)]
    if isinstance(value, np.random.BitGenerator):
        return [value.state]
    if isinstance(value, np.generic):
        return [value.dtype.str, _bytes_digest(np.asarray(value))]
    if isinstance(value, dict) and len(value) > 1_000:  # a vocabulary
        kinds = {type(key) for key in value} | {type(entry) for entry in value.values()}
        if all(issubclass(kind, str | int | np.integer) for kind in kinds):
            return [digest([[str(key), str(entry)] for key, entry in value.items()])]
    return None


def _bytes_digest(array: NDArray[Any]) -> str:
    return arrays_digest(np.frombuffer(np.ascontiguousarray(array).tobytes(), np.uint8)) + str(
        (array.dtype.str, array.shape)
    )
