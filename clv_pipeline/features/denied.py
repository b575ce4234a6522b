"""Features that no model may see, such as age and gender: their names match a pattern of the setting `denied_features`."""

from collections.abc import Sequence
from fnmatch import fnmatchcase


def is_denied(feature: str, denied: Sequence[str]) -> bool:
    """Return whether a feature matches one of the patterns of the setting `denied_features`.

    >>> is_denied("crm_age_years", ["crm_age*", "crm_gender"])
    True
    """
    return any(fnmatchcase(feature, pattern) for pattern in denied)
