"""ONNX export: a model as it computes in use, in the file format that inference runtimes read."""

from tinytorch.training.files.onnx.export import export_onnx

__all__ = ["export_onnx"]
