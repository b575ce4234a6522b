"""A nightly customer lifetime value pipeline that a company runs on its own data."""

import os

# Before any library reads them. Idle OpenMP threads that spin steal the core the others need: measured 5x on two cores.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# No library calls home.
os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "true")
