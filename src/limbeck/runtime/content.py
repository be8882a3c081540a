"""Bytes of files that stand in cells."""


def content_of(cell: bytes | bytearray | memoryview) -> bytes | memoryview:
    """Return the bytes of a cell; a view that nobody can write to as it is, which may lie on disk."""
    return cell if isinstance(cell, memoryview) and cell.readonly else bytes(cell)
