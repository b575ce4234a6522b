"""Backtests and the evaluation of external predictions."""
