"""The last layer: probabilities, and the gradient of the loss."""
