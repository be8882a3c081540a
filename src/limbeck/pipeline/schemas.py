"""The JSON Schemas that the package publishes: of a recipe, for editors, and of `evaluation.json`, for its readers."""

import json
from pathlib import Path

from limbeck.evaluation.schema import Evaluation
from limbeck.files import write_text
from limbeck.recipe import Recipe

FOLDER = Path(__file__).parent.parent / "schemas"


def schemas() -> dict[str, str]:
    """Return the schemas as text, by file name, made from the models themselves."""
    models = {"recipe.json": Recipe, "evaluation.json": Evaluation}
    return {
        name: json.dumps(
            {"$schema": "https://json-schema.org/draft/2020-12/schema", **model.model_json_schema()}, indent=2
        )
        + "\n"
        for name, model in models.items()
    }


if __name__ == "__main__":
    for name, text in schemas().items():
        write_text(FOLDER / name, text)
