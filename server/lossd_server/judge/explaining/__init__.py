"""What one evaluation is made of: examples, histograms, curves and words; knows no protobuf and no gRPC."""
