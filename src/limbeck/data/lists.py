"""Lists that say which files of a folder are held out, as Speech Commands has them (Warden 2018, arXiv 1804.03209).

`testing_list.txt` and `validation_list.txt` lie in the folder, and name a file a line, by its path in the folder.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from limbeck.data.readers import Columns
from limbeck.data.split_names import split_name
from limbeck.errors import LimbeckError
from limbeck.files import not_utf8

_END = "_list.txt"
_HELD_OUT = ("validation", "test")


def list_files(folder: Path) -> list[Path]:
    """Return the files of a folder that are called as lists of what is held out."""
    called = (path for path in sorted(folder.glob(f"*{_END}")) if path.is_file())
    return [path for path in called if split_name(path.name.removesuffix(_END)) in _HELD_OUT]


def lists_in(folder: Path) -> dict[str, Path]:
    """Return the list of each split that is held out by one.

    Raises:
        LimbeckError: a split has two.
    """
    found: dict[str, Path] = {}
    for path in list_files(folder):
        split = split_name(path.name.removesuffix(_END))
        if split in found:
            names = f"{found[split].name} and {path.name}"
            raise LimbeckError(f"two lists for `{split}`: {names}", where=str(folder), fix="remove one of them")
        found[split] = path
    return found


def by_list(
    columns: Columns, files: Sequence[str], lists: Mapping[str, Path], folder: Path
) -> dict[str, tuple[str, Columns]]:
    """Return the columns of each split; `train` are the rows that no list names.

    Each comes with the folder, where its files were read: a list is a file among them, and their paths do not begin in
    its folder.

    Args:
        columns: of all rows.
        files: of each row the path in the folder, with `/`.
        lists: by split.
        folder: the source.

    Raises:
        LimbeckError: a list names a file that is no row, or one that another list names too, or no row is left.
    """
    place = {file: row for row, file in enumerate(files)}
    taken: dict[int, str] = {}
    for split, path in lists.items():
        for number, name in enumerate(_lines(path), 1):
            if not name:
                continue
            where = f"{path}, line {number}"
            if name not in place:
                raise LimbeckError(f"`{name}` is no file that is read", where=where, fix="mend the line, or remove it")
            if taken.setdefault(place[name], split) != split:
                raise LimbeckError(
                    f"`{name}` stands in {lists[taken[place[name]]].name} too", where=where, fix="remove one of them"
                )
    rows: dict[str, list[int]] = {"train": []}
    for row in range(len(files)):
        rows.setdefault(taken.get(row, "train"), []).append(row)
    if not rows["train"]:
        raise LimbeckError(f"every file is held out by {', '.join(lists)}", where=str(folder), fix="shorten a list")
    return {
        split: (
            str(folder),
            Columns({name: [cells[row] for row in some] for name, cells in columns.items()}, layout=columns.layout),
        )
        for split, some in rows.items()
    }


def _lines(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
        return [line.strip().replace("\\", "/").removeprefix("./") for line in lines]
    except UnicodeDecodeError:
        raise not_utf8(path) from None
    except OSError as error:
        raise LimbeckError(f"cannot be read ({error.strerror})", where=str(path)) from None
