"""The expected total of a cutoff, and prediction intervals from past windows."""
