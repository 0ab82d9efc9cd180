"""What the inputs of each loss mean, a module for each kind; knows no metric."""
