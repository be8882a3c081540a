"""Ready recipes, each runnable by name."""

from importlib import resources

from limbeck.errors import LimbeckError, nearest


def packaged_recipes() -> dict[str, str]:
    """Return the YAML text of every ready recipe by name."""
    files = resources.files("limbeck.recipes").iterdir()
    return {
        file.name[:-5]: file.read_text(encoding="utf-8")
        for file in sorted(files, key=lambda f: f.name)
        if file.name.endswith(".yaml")
    }


def packaged_recipe(name: str) -> str:
    """Return the YAML text of a ready recipe.

    Raises:
        LimbeckError: no such recipe.
    """
    if name not in (packaged := packaged_recipes()):
        raise LimbeckError(f"no recipe `{name}`", fix=nearest(name, packaged))
    return packaged[name]


def describe_recipes() -> list[tuple[str, str]]:
    """Return the name of every ready recipe and the first line of its comment."""
    return [(name, text.splitlines()[0].lstrip("# ")) for name, text in packaged_recipes().items()]
