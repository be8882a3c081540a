"""parquet files, by parts of their rows."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from limbeck.errors import LimbeckError, first_line
from limbeck.files import refuse_repeated
from limbeck.runtime.records.part import AT_ONCE, Note, Part, Wanted
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
            for rows in held.iter_batches(AT_ONCE, columns=kept) if kept else ():
                yield Part(names, rows.to_pydict(), rows.num_rows)
    except pyarrow.ArrowException as error:
        raise LimbeckError(
            f"not readable as parquet ({first_line(error)})", where=str(path), fix="write it again"
        ) from None
    except OSError as error:
        reason = error.strerror or first_line(error)
        raise LimbeckError(f"cannot be read ({reason})", where=str(path), fix=f"give {forms}") from None
