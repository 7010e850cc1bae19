"""Long runs of random input, started by hand."""
