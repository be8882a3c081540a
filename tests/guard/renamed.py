"""What was renamed since BASE: a line here, new name -> old name, and both sides can be compared again.

Cases are written in the words of HEAD. For BASE, recipes and scripts are put into its words. Files and tensors that
HEAD leaves in a run's folder are called as BASE calls them.
"""

import re
from collections.abc import Mapping
from typing import Any

RENAMED: dict[str, str] = {
    "until": "target",
    "task.metric": "metric",
    "data.unlabelled": "data.transfer",
    "data.max_unlabelled": "data.unlabelled",
} | {
    f"{network}.reads.{key}": f"{network}.{key}"
    for network in ("student", "baseline", "teacher", "teacher.members.*")
    for key in ("tokenizer", "max_length", "tail")
}
"""Keys of a recipe, dotted; a key stands for all below it, and `*` for any one part: a member of a list, a name.

    {"until": "target", "student.reads.tokenizer": "student.tokenizer", "teacher.members.*.reads.tail": "..."}

All are replaced at once, so that two keys may change places. The longest one holds.
"""

WORDS: dict[str, str] = {
    "student.reads.max_length": "student.max_length",
    "build(outputs, form,": "build(classes, vocabulary,",
    "Mean(form.vocabulary, outputs,": "Mean(vocabulary, classes,",
}
"""Texts of the scripts in `scripts/` and of files beside a recipe, replaced as they stand."""

PATHS: dict[str, str] = {}
"""Regular expressions of paths in a run's folder, as `re.sub` takes them: `{r"^arms/(.*)": r"\\1"}`."""

TENSORS: dict[str, str] = {}
"""Regular expressions of names of weights, and of what a cache holds beside its ids (`logits`, `tap/PATH`)."""

SCORES: dict[str, str] = {}
"""Regular expressions of names of scores, see `scores.py`; what a setting is called follows RENAMED by itself."""


ADDED: tuple[str, ...] = (r"data\.views\..*\.pieces",)
"""Regular expressions of names of scores that BASE does not have, and that are not compared."""


def older(recipe: Mapping[str, Any], table: Mapping[str, str] = RENAMED) -> dict[str, Any]:
    """Return a recipe in the keys of BASE. A value that changed its form is put back here, beside its key."""
    if not table:
        return dict(recipe)
    whole: dict[Any, Any] = {}
    for path, value in _leaves(dict(recipe), ()):
        _put(whole, _old_path(path, table), value)
    return _with_lists(whole)


def older_key(key: str, table: Mapping[str, str] = RENAMED) -> str:
    """Return a dotted key of a recipe as BASE calls it."""
    path = tuple(int(part) if part.isdigit() else part for part in key.split("."))
    return ".".join(map(str, _old_path(path, table)))


def older_text(text: str, table: Mapping[str, str] = WORDS) -> str:
    """Return a script in the words of BASE."""
    if not table:
        return text
    every = "|".join(re.escape(word) for word in sorted(table, key=len, reverse=True))
    return re.sub(every, lambda found: table[found.group()], text)


def older_name(name: str, table: Mapping[str, str]) -> str:
    """Return a path, or the name of a tensor or of a score, as BASE calls it."""
    for pattern, old in table.items():
        name = re.sub(pattern, old, name)
    return name


Path = tuple[str | int, ...]
"""Keys of mappings, and numbers of list entries."""


def _leaves(value: Any, path: Path) -> list[tuple[Path, Any]]:
    if isinstance(value, Mapping) and value:
        # A key may be dotted itself, as in `grid`.
        return [leaf for key, part in value.items() for leaf in _leaves(part, (*path, *str(key).split(".")))]
    if isinstance(value, list) and any(isinstance(part, Mapping) for part in value):
        return [leaf for number, part in enumerate(value) for leaf in _leaves(part, (*path, number))]
    return [(path, value)]


def _old_path(path: Path, table: Mapping[str, str]) -> Path:
    for length in range(len(path), 0, -1):
        for new, old in table.items():
            pattern = new.split(".")
            if len(pattern) == length and all(p in ("*", str(part)) for p, part in zip(pattern, path, strict=False)):
                met = iter(part for p, part in zip(pattern, path, strict=False) if p == "*")
                return (*(next(met) if part == "*" else part for part in old.split(".")), *path[length:])
    return path


def _put(whole: dict[Any, Any], path: Path, value: Any) -> None:
    *above, last = path
    for key in above:
        whole = whole.setdefault(key, {})
    whole[last] = value


def _with_lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value and all(isinstance(key, int) for key in value):
        return [_with_lists(value[key]) for key in sorted(value)]
    return {key: _with_lists(part) for key, part in value.items()}
