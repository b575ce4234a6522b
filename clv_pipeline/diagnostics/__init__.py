"""What `clv doctor` and `clv status` find."""
