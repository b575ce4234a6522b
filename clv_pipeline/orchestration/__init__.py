"""The nightly job in Dagster: assets, checks, schedule, run history. Nothing else imports dagster."""
