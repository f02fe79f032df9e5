"""Files that are read and written: weights, checkpoints, TensorBoard's events."""
