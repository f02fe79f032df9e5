"""What the data sets read files with: one module for each format, for places, locks and errors."""
