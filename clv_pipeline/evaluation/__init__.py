"""Backtests and the evaluation of predictions that somebody else made."""
