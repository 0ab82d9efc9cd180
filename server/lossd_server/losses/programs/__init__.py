"""Losses that callers wrote as an nn.Module: a graph of ATen operators, read and run by a reader of our own."""
