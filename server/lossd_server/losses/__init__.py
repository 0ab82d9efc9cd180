"""The losses as pure torch functions and the catalogue of them; knows no protobuf and no gRPC."""
