"""Promotion by hand: validate a version before `clv promote` makes it the champion.

Promotion after a training needs no checks and is in `training.py`.
"""

from clv_pipeline.core.errors import ArtefactError
from clv_pipeline.core.home import Home
from clv_pipeline.core.run_lock import hold
from clv_pipeline.modeling.registry.registry import Manifest, Registry, why_unfit
from clv_pipeline.warehouse.connection import Connection, Warehouse, columns_of


def promote_by_hand(home: Home, warehouse: Warehouse, version: str) -> Manifest:
    """Make an existing version the champion, if it is complete and fits the last run's features; return it.

    Raises:
        ArtefactError: there is no such version, a file of it was changed, or it could not score.
        BusyError: a run is under way.
    """
    registry = Registry(home.models)
    with hold(home, "clv promote"):
        manifest = registry.manifest(version)
        registry.check_files(manifest)
        with warehouse.connection() as connection:
            why = _why_unfit(connection, manifest)
        if why:
            raise ArtefactError(
                f"The model version '{version}' cannot score: {why}",
                next_step="promote another version (`clv models`), or train a new one: `clv run --retrain`.",
            )
        registry.promote(version)
    return manifest


def _why_unfit(connection: Connection, manifest: Manifest) -> str | None:
    tables = connection.execute("select table_schema || '.' || table_name from information_schema.tables").fetchall()
    if not {("features.customer_features",), ("features.horizons",)} <= set(tables):
        return "there are no features to compare it with; `clv run` builds them"
    horizons = connection.execute("select horizon_days from features.horizons order by 1").fetchall()
    if [(h.horizon_days,) for h in manifest.horizons] != horizons:
        known = ", ".join(str(h.horizon_days) for h in manifest.horizons)
        wanted = ", ".join(str(days) for (days,) in horizons)
        return f"it predicts {known} days, the last run predicted {wanted} days"
    return why_unfit(manifest, set(columns_of(connection, "features.customer_features")))
