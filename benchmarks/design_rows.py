"""Write the rows that a recipe may be designed on: everything but its test split.

    python benchmarks/design_rows.py sentiment runs/design.csv
    limbeck run sentiment data.source=runs/design.csv --out runs/design

The second line is the recipe on its own training rows, with a test split taken from those. What is decided by it has
never seen the recipe's test rows.
"""

import csv
import sys
from pathlib import Path

from limbeck.data import load_splits, read_tables
from limbeck.modalities.text import TextModality
from limbeck.recipe import load_recipe


def main(name: str, target: Path) -> None:
    """Write text and label of the rows that are in no test split."""
    recipe = load_recipe(name)
    data, likeness = recipe.data, TextModality().likeness
    asked = {"modality": data.modality, "column": data.column, "label": data.label, "domain": data.domain}
    table = read_tables(data.source, **asked)["train"]
    tested = set(map(likeness, load_splits(data, recipe.task).test.values))
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        rows = [row for row in zip(table.values, table.labels, strict=True) if likeness(row[0]) not in tested]
        writer.writerows(rows)
    print(f"{len(rows):,} of {len(table.values):,} rows in {target}")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
