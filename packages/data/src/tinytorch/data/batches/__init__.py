"""How batches are made: of items, of parts, and ahead of time by threads and processes."""
