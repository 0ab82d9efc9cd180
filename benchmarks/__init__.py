"""What a call costs, beside the alternatives: run `python -m benchmarks.compare`."""
