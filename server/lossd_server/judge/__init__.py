"""How good a model is beside its loss: metrics by name; knows no protobuf and no gRPC."""
