"""The rules of loading as the settings of a source give them; they are applied in `loading.py`."""

from clv_pipeline.core.settings import Settings
from clv_pipeline.sources.folder import exclusion_condition
from clv_pipeline.sources.loading import LoadRules
from clv_pipeline.sources.tombstones import read_tombstones


def door_rules(settings: Settings) -> LoadRules:
    """Return the rules of loading that the settings give.

    Raises:
        ConfigurationError: an exclude rule is no condition over contract columns, or the list of erased customers was written
            with another key.
        PrivacyError: that list is damaged or gone.
    """
    exclusions: dict[str, list[tuple[str, str]]] = {}
    for rule in settings.exclude:
        exclusions.setdefault(rule.table, []).append((exclusion_condition(rule), rule.reason))
    key = settings.hash_key.get_secret_value() if settings.hash_key else None
    tombstones = read_tombstones(settings)
    return LoadRules(settings.time_zone, key, exclusions, settings.max_unreadable_share, tombstones)
