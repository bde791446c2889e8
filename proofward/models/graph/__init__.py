"""Networks from elsewhere: our own graph of a network, and how PyTorch and ONNX networks become one."""
