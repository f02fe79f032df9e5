"""From a trace to a file: built and checked by the `onnx` package, tried by `onnxruntime`."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinytorch.autograd import no_grad
from tinytorch.autograd.nn import Module, evaluation
from tinytorch.tensor import from_numpy
from tinytorch.tensor.checks import extra, whole
from tinytorch.tensor.errors import ArgumentError
from tinytorch.training._version import __version__
from tinytorch.training.files.atomic import PathLike, write_atomically
from tinytorch.training.files.onnx.graph import OPERATION
from tinytorch.training.files.onnx.trace import (
    BATCHES,
    INPUT,
    OUTPUT,
    Trace,
    random_example,
    trace,
)

IR_VERSION, OPSET = 10, 20
TRIED = (1, 4)
"""The batch sizes at which a file is tried: others than those that it was made from."""
TOLERANCE = 0.005
"""Of the largest output: onnxruntime rounds otherwise, and a wrong graph is wrong by more."""
LARGEST = 2**31 - 2**20
"""Bytes of weights that fit into one file: a protocol buffer ends at 2 GiB."""
OTHERWISE = "use weights of float32, which runtimes know best, and layers that the README names"


def export_onnx(model: Module, path: PathLike, input_shape: Sequence[int]) -> None:
    """Write a model, as it computes in evaluation mode, to a file that ONNX runtimes read.

    The file computes what the model does for any batch size: before it is written, onnx's checker
    and shape inference have seen it, and onnxruntime has computed two batches as the model does.

    Args:
        model: Any module of our ops on one input; it is left as it was.
        path: The file to write.
        input_shape: The shape of one example, such as `(3, 32, 32)`; the batch may have any size.

    Raises:
        ArgumentError: The model uses an op that has no row for ONNX, depends on the batch size in a
            way that a file cannot, or looks at numbers outside of our ops.
        MissingExtraError: The extra `onnx` is not installed.
        FileError: The file cannot be written.
    """
    with extra(OPERATION, "tinytorch-training[onnx]"):
        import onnx
        import onnxruntime
    if not isinstance(model, Module):
        raise _refused("a model: a Module", f"a {type(model).__name__}", "nn.Sequential(...)")
    if not np.iterable(input_shape):
        raise _refused("input_shape: a tuple", f"{input_shape!r:.40}", "for instance (3, 32, 32)")
    shape = tuple(whole(OPERATION, "input_shape", length, least=1) for length in input_shape)
    dtype = next((p.dtype for p in model.parameters()), np.dtype(np.float32))
    traced = trace(model, shape, dtype)
    content = _checked(onnx, traced, shape, dtype)
    _try_out(onnxruntime, content, model, [random_example(n, shape, dtype) for n in TRIED])
    write_atomically(OPERATION, path, [content])


def _checked(onnx: Any, traced: Trace, shape: tuple[int, ...], dtype: np.dtype[Any]) -> bytes:
    """The file's content: a model that onnx's checker and shape inference agree with."""
    graph, result, outputs = traced
    if sum(array.nbytes for array in graph.constants.values()) > LARGEST:
        raise _refused("weights of less than 2 GiB", "more", "export the model in parts")
    helper, as_type = onnx.helper, onnx.helper.np_dtype_to_tensor_dtype
    lengths = zip(*(array.shape for array in outputs), strict=True)
    shown = [
        "batch" if pair == BATCHES else pair[0] if len({*pair}) == 1 else None for pair in lengths
    ]
    nodes = [
        helper.make_node(
            node.kind,
            node.inputs,
            [node.output],
            name=node.output,
            **{k: as_type(v) if isinstance(v, np.dtype) else v for k, v in node.attributes.items()},
        )
        for node in graph.nodes
    ]
    model = helper.make_model(
        helper.make_graph(
            [*nodes, helper.make_node("Identity", [result], [OUTPUT], name=OUTPUT)],
            "model",
            [helper.make_tensor_value_info(INPUT, as_type(dtype), ["batch", *shape])],
            [helper.make_tensor_value_info(OUTPUT, as_type(outputs[0].dtype), shown)],
            [onnx.numpy_helper.from_array(array, name) for name, array in graph.constants.items()],
        ),
        producer_name="tinytorch",
        producer_version=__version__,
        ir_version=IR_VERSION,
        opset_imports=[helper.make_opsetid("", OPSET)],
    )
    try:
        onnx.checker.check_model(model)
        onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise _refused(
            "a model that onnx's checker accepts", _first_line(error), OTHERWISE
        ) from error
    content: bytes = model.SerializeToString()
    return content


def _try_out(onnxruntime: Any, content: bytes, model: Module, examples: list[np.ndarray]) -> None:
    """Raise unless onnxruntime computes what the model does."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    for example in examples:
        with evaluation(model), no_grad():
            expected = np.asarray(model(from_numpy(example)))
        try:
            session = onnxruntime.InferenceSession(
                content, options, providers=["CPUExecutionProvider"]
            )
            (found,) = session.run(None, {INPUT: example})
        except Exception as error:  # its errors have no class in common
            raise _refused("a file that onnxruntime runs", _first_line(error), OTHERWISE) from error
        if not _alike(found, expected):
            raise _refused(
                f"a model that does the same for any batch size: {expected.dtype} {expected.shape} "
                f"for a batch of {len(example)}",
                f"{found.dtype} {found.shape}, or other numbers, from onnxruntime",
                "compute by Tensor operations alone, from lengths that x.shape tells",
            )


def _alike(found: np.ndarray, expected: np.ndarray) -> bool:
    if (found.shape, found.dtype) != (expected.shape, expected.dtype):
        return False
    ours, theirs = expected.astype(np.float64), found.astype(np.float64)
    finite = np.isfinite(ours)
    if not np.array_equal(ours[~finite], theirs[~finite], equal_nan=True):
        return False
    largest = np.max(np.abs(ours[finite]), initial=1e-6)
    return bool((np.abs(ours - theirs)[finite] <= TOLERANCE * largest).all())


def _first_line(error: Exception) -> str:
    return f"{str(error).strip().splitlines()[0]:.200}"


def _refused(expected: str, got: str, fix: str) -> ArgumentError:
    return ArgumentError(OPERATION, expected=expected, got=got, fix=fix)
