"""Scores of every eligible customer with the champion."""
