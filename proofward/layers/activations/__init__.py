"""What is between the layers with weights: ReLU, alone or with maxima or means of windows."""
