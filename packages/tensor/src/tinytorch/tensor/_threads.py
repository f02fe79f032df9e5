"""Thread pools that take turns: idle threads sleep soon and free the core that others need.

NumPy's OpenBLAS and numba's OpenMP each keep a pool of threads. By default an idle thread spins for
milliseconds, in which the other pool has to wait: a training step that uses both in turn takes up
to four times as long. Both read the environment when they are first loaded, so this is imported
first; OpenBLAS is there already where NumPy was imported before TinyTorch. What the user has set
stays.
"""

import os

os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "20")  # sleep after 2^20 cycles, not 2^26
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("GOMP_SPINCOUNT", "30000")  # about 250 us: from one kernel to the next
