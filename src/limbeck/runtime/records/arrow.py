"""parquet files, by parts of their rows."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from limbeck.errors import LimbeckError, first_line
from limbeck.runtime.records.part import AT_ONCE, BYTES, Note, Part, Wanted, refuse_repeated
from limbeck.runtime.records.texts import require_readable

IN_PARTS: dict[str, Any] = {"pre_buffer": False, "buffer_size": 1 << 20}
"""How a parquet file is opened. Without them, what has been read stays in memory until the file is closed."""
_INSTALL = "pip install pyarrow, or write it as csv or jsonl"


def parquet(file: str | Path, wanted: Wanted, forms: str, note: Note) -> Iterator[Part]:
    """Yield the rows of a parquet file, a part after the other.

    Raises:
        LimbeckError: `pyarrow` is not installed, the file is no parquet file, or two columns have one name.
    """
    path = Path(file)
    require_readable(path, forms)
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise LimbeckError(
            "parquet files need pyarrow, which is not installed", where=str(path), fix=_INSTALL
        ) from None
    try:
        # Not `read_table`, which imports pandas: a second.
        with pyarrow.parquet.ParquetFile(path, **IN_PARTS) as held:
            names = held.schema_arrow.names
            refuse_repeated(names, str(path))
            kept = [name for name in names if name in wanted]
            yield Part(names, {name: [] for name in kept}, 0)
            # `columns` are paths: a column of structs is read whole by its own name.
            before = 0
            for rows in held.iter_batches(_rows_at_once(held.metadata), columns=kept) if kept else ():
                yield Part(names, {name: _cells(rows, name, before, path) for name in kept}, rows.num_rows)
                before += rows.num_rows
                del rows
                pyarrow.default_memory_pool().release_unused()  # else it keeps what has been read
    except pyarrow.ArrowException as error:
        raise LimbeckError(
            f"not readable as parquet ({first_line(error)})", where=str(path), fix="write it again"
        ) from None
    except OSError as error:
        reason = error.strerror or first_line(error)
        raise LimbeckError(f"cannot be read ({reason})", where=str(path), fix=f"give {forms}") from None


def unpacked(path: Path) -> int:
    """Return how many bytes a parquet file says that its cells take once they are no longer compressed.

    0 where that cannot be found out: whoever reads the file says why.
    """
    try:
        import pyarrow.parquet
    except ImportError:
        return 0
    try:
        found = pyarrow.parquet.read_metadata(path)
    except (pyarrow.ArrowException, OSError):
        return 0
    return sum(found.row_group(number).total_byte_size for number in range(found.num_row_groups))


def _rows_at_once(about: Any) -> int:
    """Return how many rows of a parquet file are read at once: fewer where they are long.

    Args:
        about: its metadata.
    """
    groups = [about.row_group(number) for number in range(about.num_row_groups)]
    longest = max((group.total_byte_size / group.num_rows for group in groups if group.num_rows), default=0.0)
    return max(1, min(AT_ONCE, int(BYTES / max(1.0, longest))))


def _cells(rows: Any, name: str, before: int, path: Path) -> list[Any]:
    """Return the cells of a column.

    Args:
        rows: some rows of the file.
        name: of the column.
        before: rows that were read before these.
        path: the file.

    Raises:
        LimbeckError: a text is not UTF-8.
    """
    column = rows.column(name)
    try:
        return column.to_pylist()
    except UnicodeDecodeError:
        odd = next(number for number in range(len(column)) if not _is_text(column[number]))
        raise LimbeckError(
            f"column `{name}` holds a text that is not UTF-8",
            where=f"{path}, row {before + odd + 1}",
            fix="write it again",
        ) from None


def _is_text(cell: Any) -> bool:
    try:
        cell.as_py()
    except UnicodeDecodeError:
        return False
    return True
