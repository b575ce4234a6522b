"""Forecasts of money by month: cohorts and revenue, with their record on past dates. Acquisition channels' margins too."""
