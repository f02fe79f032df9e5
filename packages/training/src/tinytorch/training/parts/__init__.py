"""What can be said of a run's parts: settings, what they are made of, where they stand."""
