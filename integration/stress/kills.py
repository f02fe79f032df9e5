"""Kill a run again and again, and start it again each time: it ends with the very same bits.

    python integration/stress/kills.py [COUNT] [SEED]

SIGKILL comes at random moments, among them such at which a checkpoint is being written. Exits 1 if
a bit of weights or history differs from those of a run that nobody killed.
"""

import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from small_run import digest, make, scratch

EPOCHS = 40


def train(folder):
    """Train in `folder`; say when it has begun, and write down the result."""
    trainer = make(folder)
    print("begun", flush=True)
    trainer.fit(EPOCHS)
    (folder / "result").write_text(digest(trainer))


def start(folder):
    """Start the run in a process of its own, and wait until it has begun."""
    folder.mkdir(exist_ok=True)
    command = [sys.executable, __file__, "--train", str(folder)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    child.stdout.readline()
    return child


def finish(child):
    child.communicate()
    return child.returncode


def main(count=20, seed=0):
    choose = random.Random(seed)
    holder, top = scratch()
    with holder:
        calm, wild = top / "calm", top / "wild"
        child = start(calm)
        began = time.perf_counter()
        assert finish(child) == 0
        whole = time.perf_counter() - began
        expected = (calm / "result").read_text()
        kills = writing = complete = 0
        while kills < count or not (wild / "result").exists():
            if (wild / "result").exists():
                complete += 1
                shutil.rmtree(wild)
            child = start(wild)
            if kills < count:
                time.sleep(choose.uniform(0, whole / 3))
                child.send_signal(signal.SIGKILL)
            killed = finish(child) == -signal.SIGKILL
            kills += killed
            run = wild / "run"
            if killed and run.is_dir():
                writing += any(path.name.startswith(".writing") for path in run.iterdir())
            if (wild / "result").exists() and (wild / "result").read_text() != expected:
                print(f"FAIL after {kills} kills: weights or history have other bits")
                return 1
    print(
        f"ok   {kills} kills, {writing} while a checkpoint was written, {complete + 1} runs whole"
    )
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--train"]:
        train(Path(sys.argv[2]))
    else:
        sys.exit(main(*map(int, sys.argv[1:])))
