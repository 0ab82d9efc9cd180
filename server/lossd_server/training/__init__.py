"""Models, optimizers and sessions; knows no protobuf and no gRPC."""
