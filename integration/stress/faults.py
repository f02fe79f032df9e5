"""Let one operation on files fail, each in its turn, and start the run again.

    python integration/stress/faults.py [COUNT] [SEED]

tries COUNT places (all of them where COUNT is larger) for each kind of fault: a full disk, once and
from then on, a broken one, no memory, Ctrl-C. Whatever comes out must be an error of TinyTorch or
the interruption, and the run that is started again must end with the same bits.
"""

import collections
import errno
import functools
import random
import shutil
import sys

from disk import watched
from small_run import attempt, report, scratch, undisturbed

FAULTS = {
    "the disk is full once": (functools.partial(OSError, errno.ENOSPC, "No space left"), False),
    "the disk stays full": (functools.partial(OSError, errno.ENOSPC, "No space left"), True),
    "the disk is broken once": (functools.partial(OSError, errno.EIO, "Input/output error"), False),
    "permission is denied once": (
        functools.partial(PermissionError, errno.EACCES, "Permission denied"),
        False,
    ),
    "memory is out once": (MemoryError, False),
    "Ctrl-C comes": (KeyboardInterrupt, False),
}


class Fault:
    """Fails at the `place`-th operation, if `lasting` at all after it, too; counts them anyway."""

    def __init__(self, place, error, lasting):
        self.place, self.error, self.lasting, self.count = place, error, lasting, 0

    def __call__(self, *operation):  # noqa: ARG002 - its place alone matters
        self.count += 1
        if self.count == self.place or (self.lasting and self.count > self.place):
            raise self.error()


def operations(folder):
    """Return how many operations a run has."""
    from small_run import EPOCHS, make

    counter = Fault(0, RuntimeError, lasting=False)
    with watched(folder, before=counter):
        make(folder).fit(EPOCHS)
    return counter.count


def main(count=50, seed=0):
    choose = random.Random(seed)
    expected = undisturbed()
    holder, top = scratch()
    failed = False
    with holder:
        (top / "counted").mkdir()
        places = range(1, operations(top / "counted") + 1)
        folder = top / "run"
        for title, (error, lasting) in FAULTS.items():
            tally, wrong = collections.Counter(), []
            for place in sorted(choose.sample(places, min(count, len(places)))):
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                fault = watched(folder, before=Fault(place, error, lasting))
                outcome = attempt(folder, expected, fault)
                again = attempt(folder, expected)
                tally[outcome] += 1
                if (
                    not outcome.startswith(("same", "refused", "broken off"))
                    or again != "same bits"
                ):
                    wrong.append(f"operation {place}: {outcome}; started again: {again}")
            failed |= report(title, tally, wrong)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
