"""From a trained checkpoint to one `.onnx` file."""
