"""The gRPC edge: admits, routes, translates errors and drains; knows bytes and headers, never torch."""
