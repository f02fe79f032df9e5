"""What an optimizer is given, and checks: parameters, settings, gradients, the state of another."""
