"""Feature families and names, as the files of `sql/2_features` give them.

Each family is a file: `web_features.sql` has the features that begin with `web_`. Purchase features, the core, have no
prefix; buy-till-you-die features are made in Python. Labels of features are in `features/wording.py`.
"""

from collections.abc import Iterable

from clv_pipeline.core.errors import ConfigurationError, nearest
from clv_pipeline.core.project_files import SQL_FOLDER

#: Columns of features.customer_features that identify a row and are not features.
KEYS = ("as_of", "role", "customer_id")
PURCHASE, BTYD = "purchase", "btyd"
_SUFFIX = "_features"
#: The file that joins the families is not a family itself.
_ALL_FAMILIES = "customer"

#: Every family, purchases first.
FAMILIES = (
    PURCHASE,
    BTYD,
    *(
        family
        for family in sorted(p.stem.removesuffix(_SUFFIX) for p in SQL_FOLDER.glob(f"2_features/*{_SUFFIX}.sql"))
        if family not in (PURCHASE, _ALL_FAMILIES)
    ),
)


def family_of(feature: str) -> str:
    """Return the family of a feature, by its prefix.

    >>> family_of("web_sessions_30d"), family_of("recency_days")
    ('web', 'purchase')
    """
    prefix = feature.split("_", 1)[0]
    return prefix if prefix in FAMILIES else PURCHASE


def no_such_feature(name: str, known: Iterable[str]) -> ConfigurationError:
    """Return the error for a feature that is named in Python but in no SQL file.

    >>> no_such_feature("spend_09d", ["spend_90d", "recency_days"]).what[-23:]
    " (nearest: 'spend_90d')"
    """
    return ConfigurationError(
        f"A model or baseline needs the feature '{name}', which features.customer_features does not have"
        f"{nearest(name, list(known))}",
        next_step="use one name in sql/2_features and in clv_pipeline/modeling; or, if the name matches a pattern of the "
        "setting denied_features, remove that pattern.",
    )
