"""Why a column is not there, and what to do: the causes that people meet."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from limbeck.data.modality import NoColumnError
from limbeck.data.readers import LINES, Columns
from limbeck.data.sources import few
from limbeck.data.split_names import split_name
from limbeck.runtime.records import bases, keys_of, looks_like_a_row, stem_of, suffix_of

_CHARACTERS = 40


def no_column(
    columns: Columns, names: Sequence[str], role: str, where: str, keys: Mapping[str, str], taken: Sequence[str]
) -> NoColumnError:
    """Return the error for columns that a source does not have.

    Args:
        columns: that it has.
        names: of those that are missing, of one role.
        role: `column`, of the example, or `label`.
        where: it was read.
        keys: what the columns are called that are asked for; of what is not in it, another source's are meant; none:
            it is more rows for another source.
        taken: columns that are something else already.
    """
    missing = f"no column {' and no column '.join(f'`{each}`' for each in names[:_FEW])}"
    name = names[0]
    left = [each for each in columns.names if each not in taken] or list(columns.names)
    path = Path(where) if Path(where).is_file() else None
    if path is not None and suffix_of(path) == LINES:
        return _of_lines([*columns.names, *names], role, where)
    if path is not None and suffix_of(path) in (".csv", ".tsv") and (row := looks_like_a_row(path)) is not None:
        shown = ", ".join(_short(cell) for cell in row[:_FEW])
        fix = f"write the names of the columns above it, such as: {_names_for(len(row), name, role)}"
        return NoColumnError(
            f"{missing}: its first line is a row ({shown}), not their names", kind=role, where=where, fix=fix
        )
    if role not in keys:
        rename = "" if keys else ", or give one of its columns this name"
        fix = f"add it{rename}; there are: {few(columns.names)}"
        return NoColumnError(missing, kind=role, where=where, fix=fix)
    if role == "label" and split_name(_stem(where)) == "test" and left:
        fix = (
            "add it, or remove the file: test rows are held out of the training rows then (limbeck predict answers "
            f"rows without a label); there are: {few(columns.names)}"
        )
        return NoColumnError(f"{missing}: the test split has no labels", kind=role, where=where, fix=fix)
    fix = f"set {keys[role]}" + (f"={left[0]}" if len(left) == 1 else f" to one of: {few(left)}")
    if (inner := _inside(columns, name)) is not None:
        fix = f"set {keys[role]} to one of: {few(inner)}"
    return NoColumnError(missing, kind=role, where=where, fix=fix, others=left if role == "label" else ())


def _of_lines(names: Sequence[str], role: str, where: str) -> NoColumnError:
    """Return the error for a file of which each line is a text, and the first column that is asked for."""
    if role == "label":
        fix = "give a csv file with a column of labels, or a folder with a subfolder a class"
        return NoColumnError("a text file holds texts without labels", kind=role, where=where, fix=fix)
    what = f"each line of a text file is one text, without the columns {few(names)}"
    return NoColumnError(what, kind=role, where=where, fix="give a csv file with these columns")


_FEW = 4


def _stem(where: str) -> str:
    """Return what a split is called: of a file, and of a part of a folder, a hub's data set or an object."""
    end = where.rstrip("/").rsplit("/", 1)[-1]
    return stem_of(Path(end)).removesuffix(" split").rsplit(", ", 1)[-1]


def _short(cell: str) -> str:
    return cell if len(cell) <= _CHARACTERS else f"{cell[:_CHARACTERS]}..."


def _names_for(count: int, name: str, role: str) -> str:
    first, second = ("text", name) if role == "label" else (name, "label")
    return ",".join([first, second, *(f"column{number}" for number in range(3, count + 1))][:count])


def _inside(columns: Columns, name: str) -> list[str] | None:
    """Return the paths that there are in the objects of a column, where one of it was asked for."""
    base = next((each for each in reversed(bases(name)[:-1]) if each in columns), None)
    return None if base is None else [f"{base}.{key}" for key in keys_of(columns[base])] or None
