"""Tonight's predicted total of each horizon with its interval: `scores.tonight_totals`. That of customers is `scoring.py`."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from clv_pipeline.contracts.warehouse import TONIGHT_TOTALS
from clv_pipeline.modeling.calibration.level import ExpectedTotal
from clv_pipeline.modeling.registry.registry import Manifest
from clv_pipeline.warehouse import tables
from clv_pipeline.warehouse.connection import Connection, one_row


def write_totals(connection: Connection, manifest: Manifest, levels: Mapping[int, ExpectedTotal]) -> None:
    """Replace `scores.tonight_totals`; `levels` are empty where nobody has bought yet.

    The total of a fixed rule has no season: it is the rule's own.
    """
    rows = []
    for horizon in manifest.horizons:
        days = horizon.horizon_days
        (total,) = one_row(
            connection, f"select coalesce(sum(predicted_spend_{days:d}d), 0) from scores.customer_scores"
        )
        level = levels.get(days, ExpectedTotal())
        season, carried = (None, None) if horizon.spend.is_baseline else (level.season, level.carried)
        ends = horizon.calibration.total(float(total), replace(level, season=season))
        low, high = (end if np.isfinite(end) else None for end in ends)
        rows.append((days, total, low, high, season, carried, horizon.basis))
    tables.replace(connection, TONIGHT_TOTALS, rows)
