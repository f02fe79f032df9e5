"""Cut the power at a random moment, and start the run again from what the disk holds then.

    python integration/stress/power.py [COUNT] [SEED]

records every operation on files of one run. Then, COUNT times, it takes a prefix of them and asks
what a disk may hold that was cut off there: what was flushed is sure; of a folder's other changes
some are there (the first ones on a kind disk, any of them on an unkind one); a file that was not
flushed is empty, short, full of zeros, or as it was. The run that starts from there must end with
the same bits.
"""

import collections
import random
import shutil
import sys

from disk import watched
from small_run import EPOCHS, attempt, make, report, scratch, undisturbed


class File:
    def __init__(self):
        self.content = b""
        self.sure = None

    def flush(self):
        self.sure = self.content

    def after_the_cut(self, choose, path):
        torn = self.content[: choose.randint(0, len(self.content))]
        states = [b"", torn, bytes(len(self.content)), self.sure or b"", self.content]
        path.write_bytes(self.content if self.sure == self.content else choose.choice(states))


class Folder:
    """The names in a folder as the run sees them; which of them the disk knows, and what waits."""

    def __init__(self, kind):
        self.kind = kind
        self.names = {}
        self.sure = {}
        self.waiting = []

    def change(self, *removed, **added):
        self.waiting.append((removed, added))
        self._apply(self.names, removed, added)

    def flush(self):
        self.sure, self.waiting = dict(self.names), []

    def after_the_cut(self, choose, path):
        path.mkdir()
        names, kept = dict(self.sure), self.waiting
        if self.kind:
            kept = kept[: choose.randint(0, len(kept))]
        else:
            kept = [change for change in kept if choose.random() < 0.6]
        for removed, added in kept:
            self._apply(names, removed, added)
        for name, item in names.items():
            item.after_the_cut(choose, path / name)

    @staticmethod
    def _apply(names, removed, added):
        for name in removed:
            names.pop(name, None)
        names.update(added)


class Disk:
    """A disk to which the operations of a run are done again, up to the cut."""

    def __init__(self, root, kind):
        self.root = root
        self.kind = kind
        self.top = Folder(kind)

    def find(self, path):
        item = self.top
        for name in path.relative_to(self.root).parts:
            item = item.names[name]
        return item

    def do(self, operation, path, argument):
        folder = self.find(path.parent) if path != self.root else None
        if operation == "mkdir":
            folder.change(**{path.name: Folder(self.kind)})
        elif operation == "create" and path.name in folder.names:
            folder.names[path.name].content = b""
        elif operation == "create":
            folder.change(**{path.name: File()})
        elif operation == "write":
            content = argument.encode() if isinstance(argument, str) else bytes(argument)
            self.find(path).content += content
        elif operation in {"rename", "replace"}:
            assert argument.parent == path.parent, "a move between folders is two changes"
            folder.change(path.name, **{argument.name: folder.names[path.name]})
        elif operation in {"unlink", "remove", "rmdir"}:
            folder.change(path.name)
        elif operation == "fsync":
            self.find(path).flush()


def record(root):
    """Return the operations of one run, in order."""
    log = []
    with watched(root, after=lambda *operation: log.append(operation)):
        make(root).fit(EPOCHS)
    return log


def main(count=50, seed=0):
    choose = random.Random(seed)
    expected = undisturbed()
    holder, top = scratch()
    failed = False
    with holder:
        root = top / "recorded"
        root.mkdir()
        log = record(root)
        for kind, title in ((True, "on a kind disk"), (False, "on an unkind disk")):
            tally, wrong = collections.Counter(), []
            for _ in range(count):
                cut = choose.randint(0, len(log))
                disk = Disk(root, kind)
                for operation in log[:cut]:
                    disk.do(*operation)
                shutil.rmtree(top / "cut", ignore_errors=True)
                disk.top.after_the_cut(choose, top / "cut")
                outcome = attempt(top / "cut", expected)
                tally[outcome] += 1
                if outcome != "same bits":
                    wrong.append(f"cut after operation {cut}, {log[cut - 1][:2]}: {outcome}")
            failed |= report(
                f"{count} power cuts among {len(log)} operations {title}", tally, wrong
            )
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
