"""What lives with one device: decode, validate, run, encode."""
