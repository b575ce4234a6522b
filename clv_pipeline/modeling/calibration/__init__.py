"""The expected total of a cutoff, prediction intervals from past windows, and whether customers can be ranked."""
