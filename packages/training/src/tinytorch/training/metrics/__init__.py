"""Metrics: counters that turn batches into the figure of all examples; a module for each family."""
