"""Files of a model for other engines and devices: one module per target, each with a function `build`."""
