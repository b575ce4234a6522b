"""Diagnostics: `clv doctor` and `clv status`."""
