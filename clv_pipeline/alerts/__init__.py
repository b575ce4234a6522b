"""Alerts: whom a red, stale, recovered or acknowledged night is told, what the message says, and that it is told once.

How a night ended is read from the run history by `orchestration/night_reports.py`; nothing here knows Dagster.
"""
