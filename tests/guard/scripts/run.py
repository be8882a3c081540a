"""A recipe, run from Python."""

from pathlib import Path

import yaml

import limbeck

if __name__ == "__main__":
    values = yaml.safe_load(Path("cases/python/recipe.yaml").read_text(encoding="utf-8"))
    limbeck.run(limbeck.Recipe.model_validate(values), Path("runs/python"))
