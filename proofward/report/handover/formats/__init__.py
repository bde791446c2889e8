"""Models for other programs: ONNX, PyTorch, MONAI, and how near to the integers these stay."""
