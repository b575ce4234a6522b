"""The list of model versions that `clv models` prints. Versions and champions are stored by `registry.py`."""

from collections.abc import Iterator
from pathlib import Path

from clv_pipeline.core.errors import ArtefactError
from clv_pipeline.modeling.registry.registry import ChampionPeriod, Manifest, Registry

#: The main metrics of a champion; a version's manifest has all of them.
_MAIN_METRICS = ("normalised_gini", "wape", "total_bias", "roc_auc", "log_loss")


def describe_versions(folder: Path) -> Iterator[str]:
    """Yield the lines that describe every version below `folder`, newest as_of first; one line where there is none."""
    registry = Registry(folder)
    champion_history = registry.champion_history()
    champion = champion_history[-1].version if champion_history else None
    names = registry.names()
    if not names:
        yield f"No model version in {folder} yet: the first `clv run` trains one."
    for name in names:
        mark = "  (champion)" if name == champion else ""
        try:
            manifest = registry.manifest(name)
        except ArtefactError as error:
            yield f"{name}{mark}  unusable: {error.what}"
        else:
            yield f"{name}{mark}  fitted as of {manifest.as_of}, data {manifest.data_fingerprint[:10]}"
            yield from _describe(manifest)
        yield from (_describe_reign(reign) for reign in champion_history if reign.version == name)


def _describe(manifest: Manifest) -> Iterator[str]:
    for horizon in manifest.horizons:
        yield f"    {horizon.horizon_days} days: {horizon.spend.candidate}, {horizon.purchase.candidate}"
    metrics = [
        f"{name} {value:.3f}" for name, value in manifest.test_metrics.items() if name.split()[-1] in _MAIN_METRICS
    ]
    yield f"    test window: {', '.join(metrics) or 'too little history to evaluate'}"


def _describe_reign(reign: ChampionPeriod) -> str:
    until = f"{reign.until:%Y-%m-%d %H:%M} UTC" if reign.until else "now"
    return f"    champion from {reign.since:%Y-%m-%d %H:%M} UTC to {until}"
