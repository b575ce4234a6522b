"""Fault 52: the features or the libraries are not those the model was fitted with. It is refused, naming the difference."""

import shutil
from dataclasses import replace
from datetime import date

import pytest

from clv_pipeline.core.errors import ArtefactError
from clv_pipeline.core.home import Home
from clv_pipeline.core.settings import load_settings
from clv_pipeline.modeling.registry.promotion import promote_by_hand
from clv_pipeline.modeling.registry.registry import Manifest, Registry
from clv_pipeline.modeling.training.retraining import why_train
from clv_pipeline_tests.conftest import RULES_RUN, open_warehouse
from clv_pipeline_tests.faults.company import TONIGHT, Company


@pytest.fixture
def registry(yesterday: Home) -> Registry:
    return Registry(yesterday.models)


@pytest.fixture
def champion(registry: Registry) -> Manifest:
    manifest = registry.champion()
    assert manifest is not None
    return manifest


def _mismatches(fitted: Manifest) -> dict[str, tuple[Manifest, str]]:
    """Return version -> a manifest that does not fit tonight, and how the difference is named."""
    (horizon,) = fitted.horizons
    wide = replace(fitted, numeric_features=[*fitted.numeric_features, "shoe_size"])
    old = replace(fitted, libraries=fitted.libraries | {"numpy": "1.26.0"})
    long = replace(fitted, horizons=[horizon, replace(horizon, horizon_days=180)])
    return {
        "20240501-aaaaaaaa": (wide, "it needs the feature 'shoe_size', which is no longer built"),
        "20240502-aaaaaaaa": (old, "it was fitted with numpy 1.26.0, now 2"),
        "20240503-aaaaaaaa": (long, "it predicts 90, 180 days, the last run predicted 90 days"),
    }


def test_such_a_version_is_not_promoted_and_the_difference_is_named(
    yesterday: Home, registry: Registry, champion: Manifest
) -> None:
    for version, (manifest, named) in _mismatches(champion).items():
        shutil.copytree(registry.folder / champion.version, registry.folder / version)
        registry.write_manifest(replace(manifest, version=version))
        with pytest.raises(ArtefactError, match=named):
            promote_by_hand(yesterday, open_warehouse(yesterday), version)
    assert registry.champion() == champion


def test_such_a_champion_does_not_score_tonight_and_the_run_says_why_it_trains(
    yesterday: Home, registry: Registry, champion: Manifest, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.write()
    for name, value in RULES_RUN.items():
        monkeypatch.setenv(name, value)
    settings, tonight = load_settings(source=str(company.folder)), date.fromisoformat(TONIGHT)
    with open_warehouse(yesterday).connection() as connection:
        assert why_train(registry, connection, settings, tonight) is None
        for manifest, named in list(_mismatches(champion).values())[:2]:
            registry.write_manifest(manifest)
            assert named in (why_train(registry, connection, settings, tonight) or "")
