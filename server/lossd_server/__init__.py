"""The lossd server: exact PyTorch losses, gradients and training steps over gRPC."""
