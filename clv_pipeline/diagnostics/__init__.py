"""Diagnostics: `clv doctor`, `clv status` and `clv explain-run`."""
