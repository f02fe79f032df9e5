"""The public names, and what importing them costs."""

import subprocess
import sys

from tinytorch import optim
from tinytorch.optim import functional, schedules


def test_all_lists_what_is_there():
    public = {name for name in vars(optim) if not name.startswith("_")}
    submodules = {"given", "functional", "kernels"}  # what serves, or is below, too
    assert set(optim.__all__) == public - submodules | {"__version__"}
    assert optim.__version__.count(".") == 2


def test_functional_and_schedules_list_theirs():
    assert {name for name in vars(functional) if name.endswith("_step")} - {"_check_step"} == set(
        functional.__all__
    )
    assert set(functional.__all__) <= set(optim.__all__)
    made_there = {
        name
        for name, value in vars(schedules).items()
        if callable(value)
        and getattr(value, "__module__", None) == schedules.__name__
        and not name.startswith("_")
    }
    assert set(schedules.__all__) == made_there | {"Schedule"}


def test_small_parameters_do_not_load_numba():
    code = (
        "import sys\n"
        "from tinytorch.autograd import Variable\n"
        "from tinytorch.optim import Adam\n"
        "w = Variable([1.0, 2.0])\n"
        "Adam([w]).step((w * w).sum().backward())\n"
        "assert 'tinytorch.optim.kernels.numba' not in sys.modules\n"
        "above = {'tinytorch.data', 'tinytorch.spatial', 'tinytorch.training'}\n"
        "assert not above & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
