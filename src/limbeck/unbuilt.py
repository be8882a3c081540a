"""pip, which downloads and runs nothing: `python -m limbeck.unbuilt FOLDER download ...`.

pip asks a source archive for its metadata by running its `setup.py`, in a process of its own. It does so when the
archive is there and its hash has been checked. So where pip is about to start Python, the archives that it has opened
are copied into FOLDER, and this program ends. Other programs that pip asks for its user agent are not started either.
"""

import os
import runpy
import shutil
import sys
from pathlib import Path
from typing import Any

_STARTS = frozenset({"subprocess.Popen", "os.exec", "os.posix_spawn", "os.spawn", "os.system", "os.startfile"})
_ARCHIVES = (".tar.gz", ".zip", ".tar.bz2", ".tgz")


def main() -> None:
    """Run pip with the arguments that follow the folder."""
    folder, *arguments = sys.argv[1:]
    opened: list[Path] = []

    def watch(event: str, details: tuple[Any, ...]) -> None:
        if event == "open" and str(details[0]).endswith(_ARCHIVES):
            opened.append(Path(details[0]))
        elif event in _STARTS:
            if str(details[0]) == sys.executable:
                _keep(opened.copy(), Path(folder))
                os._exit(0)
            raise PermissionError(f"{event} is not allowed here")

    sys.addaudithook(watch)
    sys.argv = ["pip", *arguments]
    runpy.run_module("pip", run_name="__main__", alter_sys=True)


def _keep(archives: list[Path], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for archive in archives:
        if archive.is_file() and not (folder / archive.name).exists():
            shutil.copy(archive, folder)


if __name__ == "__main__":
    main()
