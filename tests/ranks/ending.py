"""What each of the processes of test_ranks_end.py does: it meets the others, and one of them comes to an end.

python ending.py HOW VICTIM
"""

import os
import signal
import sys
import threading

from limbeck import cli
from limbeck.errors import LimbeckError
from limbeck.ranks import ranks
from limbeck.together import ending_together


def work(how: str, victim: int) -> None:
    us = ranks()
    with ending_together():
        us.wait()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        if how == "stops":
            never = threading.Event()
            while not never.wait(0.1):  # a wait that begins with the signal is not ended by it
                pass
        if how == "is refused":
            raise LimbeckError("no such file", where="rows.csv")
        if us.rank == victim:
            if how == "is killed":
                os.kill(os.getpid(), signal.SIGKILL)
            if how == "fails":
                raise LimbeckError("the disk is full")
            raise ValueError("a mistake of ours")
        us.wait()


how, victim = sys.argv[1:]
cli.app = lambda **_: work(how, int(victim))
sys.argv = ["limbeck", "run", "mine.yaml"]
cli.main()
