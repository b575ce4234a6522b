"""The model registry: every trained version, and the champion. The contents of a version are defined in `training.py`."""

import json
import logging
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import date, datetime
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any, Literal

from clv_pipeline.core import clock
from clv_pipeline.core.errors import ArtefactError, nearest
from clv_pipeline.core.home import Home, clear_leftovers, remove_at_once, write_durably
from clv_pipeline.core.home_state import read_state
from clv_pipeline.modeling.calibration.intervals import Calibration
from clv_pipeline.modeling.calibration.level import PastMean
from clv_pipeline.modeling.calibration.rankability import Ranking
from clv_pipeline.modeling.calibration.total_record import TotalRecord
from clv_pipeline.modeling.candidates.ensembles import Fitted
from clv_pipeline.modeling.data.dataset import FeatureColumns
from clv_pipeline.modeling.data.prospects import Prospects
from clv_pipeline.modeling.registry.artefacts import load_model, read_checked

log = logging.getLogger(__name__)

#: A model is only used with the libraries it was fitted with; patch releases are compatible.
_LIBRARIES = ("scikit-learn", "xgboost-cpu", "skops", "numpy")

#: learned: models fitted to past windows of this length; extended: to shorter ones, carried on by the purchase models;
#: prior: the purchase models alone, with the prior of other companies, where buyers are few; rule: a fixed rule.
Basis = Literal["learned", "extended", "prior", "rule"]


@dataclass(frozen=True)
class Recipe:
    """A candidate by name, with its parameters: everything needed to refit it."""

    candidate: str
    parameters: dict[str, Any]
    is_baseline: bool


@dataclass(frozen=True)
class HorizonModel:
    """The champions of one horizon: for spend, for the purchase probability, and their intervals.

    `learned_days` is the horizon the models learned; it is shorter than `horizon_days` if the history is short.
    """

    horizon_days: int
    learned_days: int
    spend: Recipe
    purchase: Recipe
    has_enough_history: bool
    calibration: Calibration
    prospects: Prospects
    #: whether the folds showed that customers can be ranked; versions before this test have none
    ranking: Ranking = "not tested"
    #: the level of all customers; set only where nothing can be ranked
    past_mean: PastMean | None = None
    #: actual over expected spend of the windows that the models were fitted to
    learned_season: float = 1.0

    @property
    def basis(self) -> Basis:
        """What the horizon's predictions rest on."""
        if self.spend.is_baseline:
            return "rule"
        if not self.has_enough_history:
            return "prior"
        return "learned" if self.learned_days == self.horizon_days else "extended"

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "HorizonModel":
        parts = {name: Recipe(**values[name]) for name in ("spend", "purchase")}
        calibration, past_mean = dict(values["calibration"]), values.get("past_mean")
        records = {name: TotalRecord(**calibration[name]) for name in ("with_season", "without")}
        return cls(
            **values
            | parts
            | {
                "calibration": Calibration(**calibration | records),
                "prospects": Prospects(**values["prospects"]),
                "past_mean": PastMean(**past_mean) if past_mean else None,
            }
        )


@dataclass(frozen=True)
class Manifest:
    """Manifest that identifies and reproduces a version; written last, so a folder without one is not a version."""

    version: str
    as_of: date
    data_fingerprint: str
    code_fingerprint: str
    #: the settings that shape a model, as it was trained with them
    settings: dict[str, Any]
    numeric_features: list[str]
    categorical_features: list[str]
    horizons: list[HorizonModel]
    test_metrics: dict[str, float]
    libraries: dict[str, str]
    files: dict[str, str]
    #: the source that it was trained for; "" where an older release did not write it down
    source_name: str = ""

    @property
    def columns(self) -> FeatureColumns:
        return FeatureColumns(tuple(self.numeric_features), tuple(self.categorical_features))

    @property
    def learned(self) -> dict[int, int]:
        """For each horizon the one its models were fitted on."""
        return {h.horizon_days: h.learned_days for h in self.horizons}


@dataclass(frozen=True)
class ChampionPeriod:
    """One stretch of time (UTC) in which a version was the champion; `until` is None for the one that is."""

    version: str
    since: datetime
    until: datetime | None


class Registry:
    """The folder of versions: `<version>/manifest.json` with its files, and `champion.json`.

    The latter names every champion there was, in order; the last one is the champion.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def new_folder(self, version: str) -> Path:
        folder = self.folder / version
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def write_manifest(self, manifest: Manifest) -> None:
        content = asdict(manifest) | {"as_of": manifest.as_of.isoformat()}
        write_durably(self.folder / manifest.version / "manifest.json", _as_json(content))

    def promote(self, version: str) -> None:
        """Make `version` the champion; scoring uses it from now on."""
        self.manifest(version)
        earlier = self._promotions()
        if earlier and earlier[-1][0] == version:
            return
        history = [{"version": v, "since": since.isoformat()} for v, since in [*earlier, (version, clock.now())]]
        write_durably(self.folder / "champion.json", _as_json({"version": version, "history": history}))

    def champion(self) -> Manifest | None:
        """Return the champion's manifest, or None before the first training and when it cannot be used."""
        promotions = self._promotions()
        if not promotions:
            return None
        try:
            return self.manifest(promotions[-1][0])
        except ArtefactError as error:
            log.warning("the champion cannot be used, a new one will be trained: %s", error.what)
            return None

    def champion_history(self) -> list[ChampionPeriod]:
        """Return the champion periods, oldest first."""
        promotions = self._promotions()
        ends = [*(since for _, since in promotions[1:]), None]
        return [
            ChampionPeriod(version, since, until) for (version, since), until in zip(promotions, ends, strict=False)
        ]

    def _promotions(self) -> list[tuple[str, datetime]]:
        pointer = self.folder / "champion.json"
        if not pointer.exists():
            return []
        try:
            content = json.loads(pointer.read_text())
            return [(str(entry["version"]), datetime.fromisoformat(entry["since"])) for entry in content["history"]]
        except (ValueError, KeyError, TypeError) as error:
            log.warning("%s cannot be read, so there is no champion: %s", pointer, error)
            return []

    def names(self) -> list[str]:
        """Return the name of every version, the newest as_of first, the usable and the others."""
        found = [path.parent for path in self.folder.glob("[!.]*/manifest.json")]
        return [folder.name for folder in sorted(found, key=_age_order, reverse=True)]

    def versions(self) -> list[Manifest]:
        """Return every version that can be read, oldest as_of first."""
        found = []
        for name in self.names():
            with suppress(ArtefactError):
                found.append(self.manifest(name))
        return sorted(found, key=lambda m: (m.as_of, m.version))

    def manifest(self, version: str) -> Manifest:
        """Return the manifest of a version.

        Raises:
            ArtefactError: there is no such version, its manifest is damaged, another release wrote it, or it was trained
                for another source than the home's.
        """
        path = self.folder / version / "manifest.json"
        known = self.names()
        if version not in known:
            raise ArtefactError(
                f"There is no model version '{version}' in {self.folder}{nearest(version, known)}",
                next_step="`clv models` lists the versions; `clv run --retrain` trains a new one.",
            )
        try:
            values = json.loads(path.read_text())
            values["as_of"] = date.fromisoformat(values["as_of"])
            values["horizons"] = [HorizonModel.from_dict(h) for h in values["horizons"]]
            manifest = Manifest(**values)
        except ValueError as error:
            raise ArtefactError(
                f"The manifest of the model version '{version}' is damaged: {error}",
                next_step="use another version (`clv models`), or train a new one: `clv run --retrain`.",
            ) from None
        except (TypeError, KeyError) as error:
            raise ArtefactError(
                f"The model version '{version}' was written by another release: {error}",
                next_step="use another version (`clv models`), or train a new one: `clv run --retrain`.",
            ) from None
        owner = read_state(Home(self.folder.parent))
        if owner and manifest.source_name not in ("", owner.source_name):
            raise ArtefactError(
                f"The model version '{version}' was trained for '{manifest.source_name}', and this home is that of "
                f"'{owner.source_name}'",
                next_step="use another version (`clv models`), or train a new one: `clv run --retrain`.",
            )
        return manifest

    def check_files(self, manifest: Manifest) -> None:
        """Compare every file of a version with the manifest's hashes.

        Raises:
            ArtefactError: a file is missing or was changed.
        """
        for name, expected in manifest.files.items():
            read_checked(self.folder / manifest.version / name, expected)

    def remove_old(self, keep: int) -> list[str]:
        """Remove all versions but the `keep` newest and the champion; return their names."""
        clear_leftovers(self.folder)
        champion = [version for version, _ in self._promotions()[-1:]]
        removed = [name for name in self.names()[keep:] if name not in champion]
        for name in removed:
            remove_at_once(self.folder / name)
        return removed

    def load(self, manifest: Manifest, name: str) -> Fitted:
        """Return one fitted model of a version, such as `90d_spend`; see `load_model` for what is refused."""
        return load_model(self.folder / manifest.version, name, manifest.files)


def library_versions() -> dict[str, str]:
    """Return library -> installed version, of those whose other releases may not read or score a saved model alike."""
    return {name: installed_version(name) for name in _LIBRARIES}


def why_unfit(manifest: Manifest, available_features: set[str]) -> str | None:
    """Return why a version cannot score tonight's features with today's libraries, or None when it can.

    >>> manifest = Manifest("v", date(2024, 6, 1), "", "", {}, ["orders"], [], [], {}, library_versions(), {})
    >>> why_unfit(manifest, {"recency_days"})
    "it needs the feature 'orders', which is no longer built"
    >>> why_unfit(manifest, {"orders"}) is None
    True
    """
    missing = [f for f in manifest.columns.names if f not in available_features]
    if missing:
        return f"it needs the feature '{missing[0]}', which is no longer built"
    for name, now in library_versions().items():
        then = manifest.libraries.get(name, "none")
        if then.split(".")[:2] != now.split(".")[:2]:
            return f"it was fitted with {name} {then}, now {now} is installed"
    return None


def _age_order(folder: Path) -> tuple[str, int]:
    """Order versions by the as_of their name begins with, those of one day by when they were completed."""
    return folder.name.split("-")[0], (folder / "manifest.json").stat().st_mtime_ns


def _as_json(value: dict[str, Any]) -> bytes:
    return (json.dumps(value, indent=2, sort_keys=True) + "\n").encode()
