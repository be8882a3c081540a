"""What stands in a guide to be typed: its lines of shell and its blocks of YAML and Python, in their order."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

COMMANDS = ("limbeck", "pip", "python")
_FILE = re.compile(r"# (\w+\.(?:yaml|py))\n")


@dataclass(frozen=True)
class Block:
    """A block, or a line of shell.

    Attributes:
        language: `shell`, `path`, or what stands behind the fence.
        text: without fence, indent, and what a line of shell says behind `  #`.
        line: where it begins in the guide.
    """

    language: str
    text: str
    line: int

    @property
    def file(self) -> str | None:
        """The file that its first line names; None where it names none."""
        found = _FILE.match(self.text)
        return found[1] if found else None


def blocks(guide: Path) -> Iterator[Block]:
    """Yield a guide's blocks; an indented line that begins with no command is the path of a file."""
    held: list[str] | None = None
    language, start = "", 0
    for number, line in enumerate(guide.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("```"):
            if held is None:
                held, language, start = [], line[3:], number
            else:
                yield Block(language, "\n".join(held) + "\n", start)
                held = None
        elif held is not None:
            held.append(line)
        elif line.startswith("    "):
            said = line.strip()
            yield Block("shell" if said.startswith(COMMANDS) else "path", said.split("  #")[0].rstrip(), number)
