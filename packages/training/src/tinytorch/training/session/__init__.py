"""What surrounds the steps of a fit: signals, other ranks, and a state that can be gone on from."""
