"""The recipe `spoken-digits` for a speaker whom nobody has heard: each of six in turn.

    python benchmarks/speakers.py [SPEAKER ...] [--data FOLDER] [--override KEY=VALUE ...]

All recordings of one speaker are the test; of the others 50 keep their label. FOLDER holds spoken_digits/fsdd.parquet.
A run whose folder is complete is read, not made again. Writes benchmarks/results/speakers.json after every run; with
--override nothing is written there.
"""

import argparse
from pathlib import Path

from tenants import measure, recordings

from limbeck.files import read_json, write_json
from limbeck.pipeline.order import describe_environment
from limbeck.recipe import load_recipe

RESULTS = Path(__file__).parent / "results" / "speakers.json"
SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")


def main() -> None:
    """Do the runs that are asked for; those on record stay."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("speakers", nargs="*", default=list(SPEAKERS))
    parser.add_argument("--out", type=Path, default=Path("runs/speakers"))
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--override", action="append", default=[], metavar="KEY=VALUE")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    table = recordings(given.out, given.data)
    results = read_json(RESULTS, dict) if RESULTS.is_file() and not given.override else {}
    for speaker in given.speakers:
        own = [f"data.source={table}", "data.label=digit"]
        recipe = load_recipe("spoken-digits", [*own, f"data.split.test={{speaker: {speaker}}}", *given.override])
        results[speaker] = found = measure(recipe, given.out / speaker)
        if not given.override:
            write_json(RESULTS, {**results, "environment": describe_environment()})
        scores = ", ".join(f"{one['name']} {one['scores']['accuracy']:.3f}" for one in found["models"].values())
        print(f"{speaker}: {scores}; {found['verdict']}; {found['precision']}; {found['seconds']:.0f} s", flush=True)


if __name__ == "__main__":
    main()
