"""Every model version ever trained, and which one is the champion. What is inside a version is `training.py`'s business."""

import json
import logging
from dataclasses import asdict, dataclass
from datetime import date
from hashlib import sha256
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

from clv_pipeline.errors import ArtefactError
from clv_pipeline.home import write_durably
from clv_pipeline.modeling.artefacts import load_model
from clv_pipeline.modeling.calibration import Calibration
from clv_pipeline.modeling.composites import Fitted
from clv_pipeline.modeling.dataset import FeatureColumns

log = logging.getLogger(__name__)

#: A model is only used with the libraries it was fitted with; a patch release may change nothing that matters.
_LIBRARIES = ("scikit-learn", "xgboost-cpu", "skops", "numpy")


@dataclass(frozen=True)
class Recipe:
    """A candidate by name, with its parameters: what it takes to fit it again."""

    candidate: str
    parameters: dict[str, Any]
    is_baseline: bool


@dataclass(frozen=True)
class HorizonModel:
    """The champions of one horizon: what predicts spend, what the chance of a purchase, and how sure that is.

    `learned_days` is the horizon the models learned; it is shorter than `horizon_days` where history is.
    """

    horizon_days: int
    learned_days: int
    spend: Recipe
    flag: Recipe
    has_enough_history: bool
    calibration: Calibration | None
    #: mean spend, upper end of the 90 % interval and purchase share of past customers who had never bought
    prospect_spend: float
    prospect_high: float
    prospect_probability: float

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "HorizonModel":
        parts = {name: Recipe(**values[name]) for name in ("spend", "flag")}
        calibration = values["calibration"]
        return cls(**values | parts | {"calibration": Calibration(**calibration) if calibration else None})


@dataclass(frozen=True)
class Manifest:
    """What identifies and reproduces a version; written last, so a folder without one is not a version."""

    version: str
    as_of: date
    data_fingerprint: str
    code_fingerprint: str
    seed: int
    numeric_features: list[str]
    categorical_features: list[str]
    horizons: list[HorizonModel]
    test_metrics: dict[str, float]
    libraries: dict[str, str]
    files: dict[str, str]

    @property
    def columns(self) -> FeatureColumns:
        return FeatureColumns(tuple(self.numeric_features), tuple(self.categorical_features))

    @property
    def learned(self) -> dict[int, int]:
        """For each horizon the one that its models learned."""
        return {h.horizon_days: h.learned_days for h in self.horizons}


class Registry:
    """The folder of versions: `<version>/manifest.json` with its files, and `champion.json` which names one."""

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
        write_durably(self.folder / "champion.json", _as_json({"version": version}))

    def champion(self) -> Manifest | None:
        """Return the champion's manifest, or None before the first training."""
        pointer = self.folder / "champion.json"
        if not pointer.exists():
            return None
        try:
            return self.manifest(json.loads(pointer.read_text())["version"])
        except ArtefactError as error:
            log.warning("the champion cannot be used, a new one will be trained: %s", error.what)
            return None

    def versions(self) -> list[Manifest]:
        """Return every complete version, oldest as_of first."""
        found = [self.manifest(path.parent.name) for path in self.folder.glob("*/manifest.json")]
        return sorted(found, key=lambda m: (m.as_of, m.version))

    def manifest(self, version: str) -> Manifest:
        path = self.folder / version / "manifest.json"
        if not path.exists():
            raise ArtefactError(f"There is no model version '{version}' in {self.folder}", next_step="train one.")
        values = json.loads(path.read_text())
        try:
            values["as_of"] = date.fromisoformat(values["as_of"])
            values["horizons"] = [HorizonModel.from_dict(h) for h in values["horizons"]]
            return Manifest(**values)
        except (TypeError, KeyError) as error:
            raise ArtefactError(
                f"The model version '{version}' was written by another release: {error}", next_step="train a new one."
            ) from error

    def load(self, manifest: Manifest, name: str) -> Fitted:
        """Return one fitted model of a version, such as `90d_spend`; see `load_model` for what is refused."""
        return load_model(self.folder / manifest.version, name, manifest.files)


def library_versions() -> dict[str, str]:
    return {name: installed_version(name) for name in _LIBRARIES}


def why_unfit(manifest: Manifest, available_features: set[str]) -> str | None:
    """Return why a version cannot score tonight's features with today's libraries, or None when it can."""
    missing = [f for f in manifest.columns.names if f not in available_features]
    if missing:
        return f"it needs the feature '{missing[0]}', which is no longer built"
    for name, now in library_versions().items():
        then = manifest.libraries.get(name, "none")
        if then.split(".")[:2] != now.split(".")[:2]:
            return f"it was fitted with {name} {then}, now {now} is installed"
    return None


def code_fingerprint(folders: list[Path]) -> str:
    """Return one hash over the Python and SQL files below some folders."""
    digest = sha256()
    for folder in folders:
        for path in sorted([*folder.rglob("*.py"), *folder.rglob("*.sql")]):
            digest.update(str(path.relative_to(folder)).encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _as_json(value: dict[str, Any]) -> bytes:
    return (json.dumps(value, indent=2, sort_keys=True) + "\n").encode()
