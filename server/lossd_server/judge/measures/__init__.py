"""The catalogue of metrics as data, a module for each kind; knows no loss and no session."""
