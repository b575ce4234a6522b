"""A nightly customer lifetime value pipeline that a company runs on its own data."""

import os

# Before any library reads them. Models are fitted side by side, one thread each: on two busy cores an XGBoost fit with
# two OpenMP threads took 14 s where one took 3 s, and one thread adds floats in the same order every night.
for _pool in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_pool, "1")
# No library calls home.
os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "true")
