"""What splits are called, here and elsewhere."""

from collections.abc import Collection

from limbeck.data.readers import Columns

SPLITS = ("train", "validation", "test", "unsupervised")
_ALIASES = {"valid": "validation", "val": "validation", "dev": "validation", "unlabelled": "unsupervised"}
_ALIASES |= {"unlabeled": "unsupervised", "transfer": "unsupervised"}
_ALIASES |= {"training": "train", "testing": "test"}


def split_name(name: str) -> str:
    """Return the name of a split as it is called here: `validation` for `dev`."""
    return _ALIASES.get(name.lower(), name.lower())


def split_arrays(held: Columns, asked: Collection[str]) -> dict[str, Columns]:
    """Return the splits of an archive whose arrays all name theirs, such as x_train, y_train and x_test, y_test.

    Where they do not, or one is asked for as it stands, all is one split without a name.
    """
    found: dict[str, Columns] = {}
    for name, values in held.items():
        kept, _, end = name.rpartition("_")
        if not kept or (split := split_name(end)) not in SPLITS or name in asked:
            return {"": held}
        found.setdefault(split, Columns())[kept] = values
    return found
