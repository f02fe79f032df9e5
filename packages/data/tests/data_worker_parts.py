"""Data sets that worker processes can import."""

import os
import threading


class Numbers:
    """Items that are their index; some misbehave."""

    def __init__(self, count, broken=(), kind=ValueError):
        self.count, self.broken, self.kind = count, broken, kind

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        if index in self.broken:
            raise self.kind(f"item {index}")
        return float(index), index


class UnsendableError(Exception):
    """An error that cannot be made again from its arguments."""

    def __init__(self, text):
        super().__init__(text, 1, 2)


class ForgetfulError(Exception):
    """An error that loses its notes on the way."""

    def __reduce__(self):
        return type(self), self.args


class Deadly(Numbers):
    """Ends its process."""

    def __getitem__(self, index):
        os._exit(3)


released = threading.Event()


class Hanging(Numbers):
    """Some items do not come until they are released, which in a process is never."""

    def __getitem__(self, index):
        if index in self.broken:
            released.wait()
        return float(index), index


class Local(Numbers):
    """Items that cannot be sent back."""

    def __getitem__(self, index):
        return lambda: index


class Homeless(Numbers):
    """Can be sent, but not be made again on arrival."""

    def __setstate__(self, state):
        raise LookupError("no home here")


def doubled(batch):
    """Double a batch."""
    return batch * 2
