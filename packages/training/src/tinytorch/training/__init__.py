"""Training: the loop, metrics, callbacks, checkpoints, and what one looks at afterwards."""

from tinytorch.optim import NonFiniteError
from tinytorch.tensor.pytorch import point_out as _point_out
from tinytorch.training._history import History
from tinytorch.training._rate_finder import RateSweep, find_learning_rate
from tinytorch.training._rates import per_epoch
from tinytorch.training._run import Run
from tinytorch.training._trainer import Trainer
from tinytorch.training._version import __version__
from tinytorch.training._views import predict_averaged
from tinytorch.training.callbacks.averaged import Averaged
from tinytorch.training.callbacks.callback import Callback
from tinytorch.training.callbacks.checkpoint import Checkpoint, checkpoints
from tinytorch.training.callbacks.early_stopping import EarlyStopping
from tinytorch.training.callbacks.logs import CSVLog, TensorBoard
from tinytorch.training.callbacks.non_finite import (
    StopOnNonFinite,
    first_non_finite,
)
from tinytorch.training.callbacks.progress import Progress
from tinytorch.training.files.checkpoint import load_checkpoint, save_checkpoint
from tinytorch.training.files.onnx import export_onnx
from tinytorch.training.files.safetensors import load_safetensors, save_safetensors
from tinytorch.training.metrics.accuracy import Accuracy, TopK, accuracy
from tinytorch.training.metrics.confusion import ConfusionMatrix, PrecisionRecallF1
from tinytorch.training.metrics.metric import Mean, Metric
from tinytorch.training.pictures import plot_confusion, plot_mistakes

__all__ = [
    "Accuracy",
    "Averaged",
    "CSVLog",
    "Callback",
    "Checkpoint",
    "ConfusionMatrix",
    "EarlyStopping",
    "History",
    "Mean",
    "Metric",
    "NonFiniteError",
    "PrecisionRecallF1",
    "Progress",
    "RateSweep",
    "Run",
    "StopOnNonFinite",
    "TensorBoard",
    "TopK",
    "Trainer",
    "__version__",
    "accuracy",
    "checkpoints",
    "export_onnx",
    "find_learning_rate",
    "first_non_finite",
    "load_checkpoint",
    "load_safetensors",
    "per_epoch",
    "plot_confusion",
    "plot_mistakes",
    "predict_averaged",
    "save_checkpoint",
    "save_safetensors",
]

_point_out(__name__, "torch", "utils")
