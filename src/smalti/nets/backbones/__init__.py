"""Encoders: each answers with feature maps at rising strides."""
