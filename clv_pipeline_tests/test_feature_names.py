"""Feature names: what SQL makes and what Python names are one list, and a feature belongs to the family of its file."""

from pathlib import Path

import pytest

from clv_pipeline.contracts.warehouse import BTYD_FEATURES
from clv_pipeline.features.families import BTYD, FAMILIES, KEYS, PURCHASE, family_of
from clv_pipeline.features.wording import _FAMILIES, _NOBODY_KNOWS, _WORDS
from clv_pipeline.modeling.candidates.catalogue import CANDIDATES, Task
from clv_pipeline.modeling.data.dataset import FeatureColumns, feature_columns
from clv_pipeline.publishing.feature_statistics import PAIRED_FEATURES
from clv_pipeline.warehouse.connection import columns_of
from clv_pipeline_tests.warehouse_builders import empty_company

HORIZON = 90
#: The date is for people and no model is given it.
NO_FEATURES = {*KEYS, "lifetime_purchases", "lifetime_discount", "expected_next_order_date"}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Return family -> the features that its table really has, and `all` -> what models are given."""
    warehouse, _ = empty_company(tmp_path_factory.mktemp("empty"))
    with warehouse.connection() as connection:
        found = {f: set(columns_of(connection, f"features.{f}_features")) - NO_FEATURES for f in FAMILIES}
        return found | {"all": set(columns_of(connection, "features.customer_features")) - NO_FEATURES}


def test_every_feature_has_the_prefix_of_its_family(built: dict[str, set[str]]) -> None:
    wrong = {family: [n for n in built[family] if family_of(n) != family] for family in FAMILIES}
    assert wrong == {family: [] for family in FAMILIES}
    assert len(FAMILIES) > 5


def test_models_are_given_every_feature_of_every_family(built: dict[str, set[str]]) -> None:
    assert built["all"] == set().union(*(built[family] for family in FAMILIES))
    assert all(built.values())


def test_every_family_has_words() -> None:
    assert _FAMILIES.keys() == set(FAMILIES)
    assert _NOBODY_KNOWS.keys() == set(FAMILIES) - {PURCHASE, BTYD}


def test_words_are_of_features_that_exist(built: dict[str, set[str]]) -> None:
    known = {pattern.replace("{days}", days) for pattern in _WORDS for days in ("30", "60", "90", "180", "365")}
    stale = [
        pattern for pattern in _WORDS
        if not {pattern.replace("{days}", days) for days in ("30", "60", "90", "180", "365")} & built["all"]
    ]  # fmt: skip
    assert stale == []
    assert len(known & built["all"]) > 50


def test_correlations_are_of_features_that_exist(built: dict[str, set[str]]) -> None:
    assert set(PAIRED_FEATURES) <= built["all"]


@pytest.mark.parametrize("candidate", CANDIDATES, ids=lambda c: c.name)
def test_every_candidate_names_only_features_that_sql_makes(candidate: object, built: dict[str, set[str]]) -> None:
    """Each is built for the features that the SQL makes, all of them the same for everybody: a name beyond them is an error."""
    columns = FeatureColumns((), (), dict.fromkeys(built["all"], 1.0))
    for factor in candidate.factors:  # type: ignore[attr-defined]
        factor.build(Task(columns, HORIZON, 7), candidate.search[0])  # type: ignore[attr-defined]


def test_constant_and_unknown_features_are_told_apart(tmp_path: Path) -> None:
    warehouse, _ = empty_company(tmp_path)
    with warehouse.transaction() as connection:
        connection.execute(
            """
            insert into features.customer_features (as_of, role, customer_id, recency_days, spend_30d, web_sessions_30d)
            values (date '2024-06-01', 'train', 'a', 3, 5.00, null), (date '2024-06-01', 'train', 'b', 4, 5.00, null)
            """
        )
        columns = feature_columns(connection)
    assert columns.names == ["recency_days"]
    assert columns.constant["spend_30d"] == 5.0
    assert columns.constant["web_sessions_30d"] != columns.constant["web_sessions_30d"], "nobody has a value"
    assert columns.has("recency_days") and not columns.has("spend_30d")


def test_btyd_features_are_those_that_are_declared(built: dict[str, set[str]]) -> None:
    declared = {c.name for c in BTYD_FEATURES.columns_for([HORIZON])}
    assert built[BTYD] == declared - NO_FEATURES
