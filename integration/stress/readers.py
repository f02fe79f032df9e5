"""Damage weights files at random, and compare our reader with the safetensors library's own.

    python integration/stress/readers.py [COUNT] [SEED]

makes COUNT files, most of them wrong in one place: a type, a size, an offset, the table's JSON, a
byte anywhere. Both readers must accept the same files and find the same numbers in them, but for
the types that NumPy or TinyTorch lacks; ours refuses with a FileError alone.
"""

import collections
import json
import math
import random
import sys

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load
from small_run import report, scratch

from tinytorch.tensor.errors import FileError
from tinytorch.training import load_safetensors

WIDTHS = {"F32": 4, "F64": 8, "I8": 1, "BOOL": 1, "F16": 2, "U64": 8}
DIFFERENT = {"BF16": 2, "F8_E4M3": 1, "C64": 8}  # ours reads the first alone, theirs the last
NAMES = ["a", "b", "", "é", "\ud800", "__metadata__", "x" * 50]
NONSENSE = [0, 1, -1, 2**31, 2**63, 2**64, 10**30, 1.0, "x", None, True, [], {}, [1], math.inf]


def table(choose):
    """Return a right table and the length of the numbers that it tells of."""
    entries, end = {}, 0
    widths = WIDTHS | (DIFFERENT if choose.random() < 0.1 else {})
    for i in range(choose.randint(0, 4)):
        kind = choose.choice(list(widths))
        shape = [choose.randint(0, 3) for _ in range(choose.randint(0, 3))]
        begin, end = end, end + widths[kind] * math.prod(shape)
        name = choose.choice(NAMES) if choose.random() < 0.3 else f"t{i}"
        entries[name] = {"dtype": kind, "shape": shape, "data_offsets": [begin, end]}
    return entries, end


def spoil(entries, choose):
    """Change one thing in the table."""
    entry = choose.choice(list(entries.values())) if entries else {}
    key = choose.choice(list(entry)) if entry else "__metadata__"
    way = choose.choice(["value", "inner", "less", "more", "metadata"])
    if way == "metadata" or not entry:
        entries["__metadata__"] = choose.choice([{}, {"a": "b"}, {"a": 1}, *NONSENSE])
    elif way == "value":
        entry[key] = choose.choice(NONSENSE)
    elif way == "less":
        del entry[key]
    elif way == "more":
        entry["more"] = choose.choice(NONSENSE)
    elif isinstance(entry[key], list) and entry[key]:
        entry[key][choose.randrange(len(entry[key]))] = choose.choice(NONSENSE)


def make(choose):
    entries, length = table(choose)
    if choose.random() < 0.6:
        spoil(entries, choose)
    header = json.dumps(entries, ensure_ascii=False).encode("utf-8", "surrogatepass")
    if choose.random() < 0.2:
        header += choose.choice([b" ", b"\n", b"\0", b"\t", b"x", b","]) * choose.randint(1, 5)
    if choose.random() < 0.1:
        place = choose.randrange(len(header))
        header = header[:place] + bytes([choose.randrange(256)]) + header[place + 1 :]
    length += choose.choice([0] * 8 + [1, -1, 8])
    data = bytes(choose.choices(range(2), k=max(length, 0)))
    return len(header).to_bytes(8, "little") + header + data


def contents(tensors):
    return {name: (x.dtype.name, x.shape, x.tobytes()) for name, x in tensors.items()}


def ours(path):
    try:
        return contents(load_safetensors(path))
    except FileError:
        return "refused"
    except Exception as error:  # noqa: BLE001 - which is what is looked for
        return f"raw {type(error).__name__}: {error}"


def theirs(content):
    try:
        return contents(load(content))
    except (SafetensorError, ValueError, KeyError, OverflowError, MemoryError):
        return "refused"


def main(count=5000, seed=0):
    choose = random.Random(seed)
    np.seterr(all="ignore")
    tally, wrong = collections.Counter(), []
    holder, top = scratch()
    with holder:
        for number in range(count):
            content = make(choose)
            (top / "w").write_bytes(content)
            mine, official = ours(top / "w"), theirs(content)
            tally["refused" if official == "refused" else "accepted"] += 1
            special = any(f'"{kind}"'.encode() in content for kind in DIFFERENT)
            if mine != official and not (special and not str(mine).startswith("raw")):
                wrong.append(f"file {number}: ours {mine!r:.200}, theirs {official!r:.200}")
    return int(report(f"{count} weights files", tally, wrong))


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
