"""Retraining decision: is a training due tonight, and why. Training itself is in `training.py`."""

from datetime import date

from clv_pipeline.core.settings import Settings
from clv_pipeline.features.attributes import PREFIX, AttributeFeature, attribute_features
from clv_pipeline.features.cutoffs import TrainingPlan
from clv_pipeline.features.plan import NightPlan, plan_training
from clv_pipeline.modeling.registry.registry import Manifest, Registry, why_unfit
from clv_pipeline.modeling.training import records
from clv_pipeline.warehouse.connection import Connection, columns_of


def plan_night(registry: Registry, connection: Connection, settings: Settings, as_of: date) -> NightPlan:
    """Return tonight's training; if none is due, only the horizons that the champion's models learned.

    Raises:
        HistoryError: as_of lies before the first order, or a horizon is longer than the whole history.
    """
    plan = plan_training(connection, settings, as_of)
    why, champion = why_train(registry, connection, settings, as_of), registry.champion()
    if why is None and champion is not None:
        return NightPlan(TrainingPlan((), champion.learned), None)
    reigning = reigning_champion(registry, as_of)
    return NightPlan(plan, why, reigning.version if reigning else None)


def why_train(registry: Registry, connection: Connection, settings: Settings, as_of: date) -> str | None:
    """Return the reason for training tonight, or None if no training is due."""
    champion = registry.champion()
    if champion is None:
        return "there is no champion yet"
    if settings.force_training:
        return "a retraining was requested"
    if [h.horizon_days for h in champion.horizons] != list(settings.horizons):
        return "the horizons changed"
    if champion.as_of > as_of:
        return f"the champion was trained on data up to {champion.as_of}, after as_of {as_of}"
    changed = changed_settings(champion, settings)
    if changed:
        return f"settings that shape the model changed: {', '.join(changed)}"
    if records.trained_version(connection) is None:
        return "the warehouse is new, or the last training was interrupted: its results are missing"
    older = records.tables_of_another_release(connection)
    if older:
        return f"tables of the last training lack columns of this release: {', '.join(older)}"
    if (as_of - champion.as_of).days >= settings.retrain_after_days:
        return f"the champion is dated {champion.as_of}, {settings.retrain_after_days} days or older"
    try:
        built = set(columns_of(connection, "features.customer_features"))
    except Exception:  # no feature table yet: training again is safe in any case
        return "there are no feature tables yet"
    tonight = attribute_features(connection)
    # the table is last night's: the company's own attributes may be others tonight
    built = {name for name in built if not name.startswith(PREFIX)} | {a.feature for a in tonight}
    return why_unfit(champion, built) or of_another_kind(champion, tonight)


def of_another_kind(champion: Manifest, tonight: list[AttributeFeature]) -> str | None:
    """Return that an attribute was a number when a version was trained and is a text now, or the other way round."""
    for attribute in tonight:
        then = champion.columns.categorical if attribute.is_number else champion.columns.numeric
        if attribute.feature in then:
            kind = "a number" if attribute.is_number else "a text"
            return f"customers.{attribute.attribute} is {kind} now and was none when the champion was trained"
    return None


def changed_settings(champion: Manifest, settings: Settings) -> list[str]:
    """Return the names of the settings that shape a model and have changed since the champion was trained."""
    now = settings.that_change("data", "model")
    return [
        name for name in sorted(now.keys() | champion.settings.keys()) if now.get(name) != champion.settings.get(name)
    ]


def reigning_champion(registry: Registry, as_of: date) -> Manifest | None:
    """Return the champion that competes in a training as of a day: never one trained on later data."""
    champion = registry.champion()
    return champion if champion and champion.as_of <= as_of else None
