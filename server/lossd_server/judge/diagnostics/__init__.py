"""What looks wrong about numbers that did not fail: codes, rules and findings; knows no protobuf and no gRPC."""
