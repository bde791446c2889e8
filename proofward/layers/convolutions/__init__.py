"""The convolution: its pass, and its relation by taps and by the axes of a picture."""
