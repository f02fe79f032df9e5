"""How much memory this process has held at most."""

from pathlib import Path

STATUS = Path("/proc/self/status")


def peak():
    """The peak in MB.

    Linux's VmHWM begins anew with a program; what `getrusage` tells begins with the peak of the
    process that started it, but is there on other systems as well.
    """
    if not STATUS.exists():
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    lines = STATUS.read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
