"""Who runs the work and where; knows calls and replies as bytes, never what they mean."""
