"""Does a teacher help in a domain without labels? Twelve pairs of snippets' domains, and film reviews to other reviews.

    python benchmarks/transfer.py            # the twelve pairs of sentiment-ratings
    python benchmarks/transfer.py FOLDER     # also its imdb/ to the books and dvd of amazon_reviews/books_dvd.parquet

Each source has one run folder, so that its teacher is trained once. A pair whose result stands under the same
recipe and version is not run again. Writes benchmarks/results/transfer.json.
"""

import itertools
import sys
from pathlib import Path
from typing import Any

from limbeck import __version__
from limbeck.data import load_splits
from limbeck.evaluation.schema import Findings
from limbeck.files import read_json, write_json
from limbeck.pipeline.judging import Trainings
from limbeck.pipeline.judging.findings import find
from limbeck.pipeline.judging.floor import floor_names
from limbeck.pipeline.judging.testing import answer_test, log_test_use
from limbeck.pipeline.order import describe_environment, require_usable
from limbeck.pipeline.training.arms import train_arm
from limbeck.pipeline.training.judged import ask_teacher
from limbeck.pipeline.training.material import Material
from limbeck.pipeline.training.teacher import train_teacher
from limbeck.recipe import Recipe, load_recipe

RESULT = Path(__file__).parent / "results" / "transfer.json"
FOLDER = Path("runs/benchmark-transfer")
DOMAINS = ("movie", "amazon", "nyt", "tweets")
MODELS = ("teacher", "baseline", "student", "ceiling")

# Reviews are ten times as long as snippets: fewer texts, of which the teacher reads head and tail.
REVIEWS = (
    "data.max_unlabelled=1000",
    "teacher.reads.max_length=96",
    "teacher.reads.tail=48",
    "teacher.freeze=3",
    "student.reads.max_length=256",
    "student.reads.tail=128",
    "student.train.steps=500",
)


def snippets() -> dict[tuple[str, str], Recipe]:
    """Return the recipes of the twelve pairs."""
    return {
        (source, target): load_recipe("transfer", [f"data.domain={source}", f"data.target.domain={target}"])
        for source, target in itertools.permutations(DOMAINS, 2)
    }


def reviews(folder: Path) -> dict[tuple[str, str], Recipe]:
    """Return the recipes of film reviews to reviews of books and of films on disc; none where the files are not."""
    source, target = folder / "imdb", folder / "amazon_reviews" / "books_dvd.parquet"
    if not source.is_dir() or not target.is_file():
        print(f"no {source} or no {target}: the pairs of reviews are left out")
        return {}
    return {
        ("imdb", domain): load_recipe(
            "transfer",
            [f"data.source={source}", f"data.target.source={target}", f"data.target.domain={domain}", *REVIEWS],
        )
        for domain in ("books", "dvd")
    }


def measure(recipe: Recipe, folder: Path) -> Findings:
    """Train and test as a run does, and leave out what is not asked here: export, speed, bundle and report."""
    material = Material(load_splits(recipe.data, recipe.task))
    recipe = require_usable(recipe, material)
    teacher = ask_teacher(recipe, train_teacher(recipe, material, folder), material.splits, folder)
    arms = {name: train_arm(name, recipe, material, teacher, folder) for name in recipe.trained_arms}
    trained = Trainings(recipe, material, teacher, arms, {})
    log = log_test_use(folder, trained, ["teacher", *arms, *floor_names(material.splits.modality)])
    return find(trained, answer_test(trained), {}, log)


def record(source: str, target: str, recipe: Recipe, result: Findings) -> dict[str, Any]:
    """Return what a pair showed."""
    assert result.gain is not None  # the recipe has a baseline
    return {
        "source": source,
        "target": target,
        "recipe_digest": recipe.digest,
        "seeds": result.seeds,
        "rows": result.data.model_dump(include={"labelled", "unlabelled", "validation", "test", "ceiling"}),
        "accuracy": {name: [one.scores["accuracy"] for one in result.models[name].per_seed] for name in MODELS},
        "chosen": {name: result.models[name].settings for name in MODELS},
        "agreement": result.agreement,
        "gain": result.gain.model_dump(),
        "gap_recovered": result.gap_recovered,
        "verdict": result.verdict,
        "environment": describe_environment(),
    }


def summary(pairs: list[dict[str, Any]], folder: Path | None) -> dict[str, Any]:
    """Return what the twelve pairs show together, and the command that finished them."""
    gains = [pair["gain"]["mean"] for pair in pairs if pair["source"] in DOMAINS]
    return {
        "claim": "on text of a domain without labels, a distilled student beats one that has the source's labels only",
        "command": f"python benchmarks/transfer.py {folder or ''}".strip(),
        "pairs_of_snippets": len(gains),
        "mean_gain": sum(gains) / len(gains),
        "smallest_gain": min(gains),
        "pairs": pairs,
    }


def main(folder: Path | None) -> None:
    """Run what is not on record, and write the record after every pair."""
    recipes = snippets() | (reviews(folder) if folder else {})
    pairs = read_json(RESULT, dict)["pairs"] if RESULT.is_file() else []
    old = {pair["recipe_digest"]: pair for pair in pairs if pair["environment"]["limbeck"] == __version__}
    done = [old[recipe.digest] for recipe in recipes.values() if recipe.digest in old]
    for (source, target), recipe in recipes.items():
        if recipe.digest in old:
            print(f"{source} to {target}: on record")
            continue
        print(f"{source} to {target}")
        done.append(record(source, target, recipe, measure(recipe, FOLDER / source)))
        write_json(RESULT, summary(done, folder))
    found = read_json(RESULT, dict)
    print(f"{found['pairs_of_snippets']} pairs, mean gain {100 * found['mean_gain']:.1f} points")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
