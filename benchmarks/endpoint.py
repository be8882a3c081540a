"""A language model behind a server that fails in every known way labels texts: is each answered once, at what overhead?

    python benchmarks/endpoint.py                      # 10,000 texts; writes results/endpoint.json
    python benchmarks/endpoint.py --texts 300 --dry    # a trial: prints, and writes nothing

A local server delays each answer, refuses with 429, breaks with 500, drops connections, sends half a JSON, leaves
log-probabilities out: at the first request of one text in four. The process that asks is killed with SIGKILL at a third
and at two thirds of the texts, and started again.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from endpoint_server import FAULTS, MODEL, Behaviour, served
from table_words import older

from limbeck.pipeline.order import describe_environment
from limbeck.teachers.served.asked import Interview, Manner, Served, VotesSettings
from limbeck.teachers.served.journal import FILE
from limbeck.teachers.served.prompt import PROMPT, Prompt
from limbeck.teachers.served.server import Address
from limbeck.teachers.served.spending import SpendingSettings

CONCURRENCY, LATENCY_S = 16, 0.02
RESULT = Path(__file__).parent / "results/endpoint.json"


def texts(count: int) -> list[str]:
    """Return texts of two labels."""
    return [f"a {('dull', 'good')[row % 2]} film {row}" for row in range(count)]


def teacher(url: str, folder: Path, most: int | None = None) -> Served:
    """Return who answers.

    Args:
        url: of the server.
        folder: for the answers.
        most: requests; None: any number.
    """
    manner = Manner("logprobs", VotesSettings(), CONCURRENCY, None, 8, SpendingSettings(requests=most), None)
    prompt = Prompt(PROMPT, ("bad", "good"))
    return Served(Interview(MODEL, None, Address(url, "BENCHMARK_KEY", 5.0), prompt, manner, "teacher"), folder)


def answered(folder: Path) -> Counter[str]:
    """Count the answers of each text on disk."""
    found: Counter[str] = Counter()
    for line in (folder / FILE).read_text().splitlines()[1:]:
        told = json.loads(line[9:])
        found[told["row"]] += "scores" in told or "votes" in told
    return found


def measured(count: int) -> dict[str, Any]:
    """Return what asking for so many texts took, with two kills on the way."""
    key = os.environ["BENCHMARK_KEY"] = "sk-benchmark-4711"
    behaviour, wanted = Behaviour(faults=FAULTS, latency=LATENCY_S, key=key), texts(count)
    faulty = sum(behaviour.fault(text) is not None for text in wanted)
    with served(behaviour) as url, tempfile.TemporaryDirectory() as scratch:
        folder, start = Path(scratch), time.monotonic()
        for stop in (count // 3, 2 * count // 3):
            child = subprocess.Popen([sys.executable, __file__, "--ask", url, scratch, "--texts", str(count)])
            while len(behaviour.seen) < stop:
                time.sleep(0.01)
            os.kill(child.pid, signal.SIGKILL)
            child.wait()
        one = teacher(url, folder)
        one.ask(wanted)
        seconds, on_disk = time.monotonic() - start, answered(folder)
        return {
            "texts": count,
            "concurrency": CONCURRENCY,
            "latency_s": LATENCY_S,
            "texts_with_a_fault": faulty,
            "answered": sum(told > 0 for told in on_disk.values()),
            "answered_twice": sum(told > 1 for told in on_disk.values()),
            "right": int((one.answers(wanted).argmax(1) == [row % 2 for row in range(count)]).sum()),
            "requests": len(behaviour.seen),
            "repeated_after_two_kills": len(behaviour.seen) - count - faulty,
            "counted": one.spent.requests,
            "most_at_a_time": behaviour.most,
            "key_on_disk": any(key.encode() in file.read_bytes() for file in folder.rglob("*") if file.is_file()),
            "seconds": round(seconds, 1),
            "least_seconds": round(len(behaviour.seen) * LATENCY_S / CONCURRENCY, 1),
            "bytes_a_text": round((folder / FILE).stat().st_size / count),
            "environment": describe_environment(),
        }


def as_table(result: dict[str, Any]) -> str:
    """Say how a server that fails was asked."""
    each = 1000 * result["seconds"] / result["texts"]
    return (
        f"{result['texts']:,} texts, {result['concurrency']} requests at a time, against a local server that delays "
        f"each answer by {1000 * result['latency_s']:.0f} ms and fails at the first request of "
        f"{result['texts_with_a_fault']:,} of them (429, 500, dropped connections, half a JSON, no log-probabilities), "
        f"while the process that asks is killed twice with SIGKILL: {result['answered']:,} answered, "
        f"{result['answered_twice']} of them twice; {result['repeated_after_two_kills']} requests were repeated "
        f"because of the kills, and the key is {'' if result['key_on_disk'] else 'not '}on disk. {each:.1f} ms a text, "
        f"starts included{older(result)} (`python benchmarks/endpoint.py`)."
    )


def main() -> None:
    """Measure, or ask as the process that is killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=10_000)
    parser.add_argument("--dry", action="store_true")
    parser.add_argument("--ask", nargs=2, metavar=("URL", "FOLDER"))
    given = parser.parse_args()
    if given.ask:
        teacher(given.ask[0], Path(given.ask[1])).ask(texts(given.texts))
        return
    found = measured(given.texts)
    print(json.dumps(found, indent=2))
    if not given.dry:
        RESULT.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
