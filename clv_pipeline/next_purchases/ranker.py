"""The ranker of a model version: what orders each list, with the probability that goes with it, fitted, saved and loaded.

How good it is, and so which method orders a list, is judged in `evaluation.py`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from xgboost import XGBClassifier

from clv_pipeline.next_purchases.calibration import Array, Calibration
from clv_pipeline.next_purchases.candidates import FEATURES, KINDS, Candidates, Kind
from clv_pipeline.next_purchases.examples import Examples

LEARNED = "learned_ranker"
#: What a list is ordered by where the learned ranker is not better.
BASELINES: dict[Kind, str] = {"again": "own_frequency", "new_to_them": "popularity"}
#: Fewer purchases in the windows than this are too few to learn from.
_LEAST_PURCHASES = 200
#: Share of the candidates that were not bought that is fitted to, with the weight of all: nearly every new item is one.
_KEPT: dict[Kind, float] = {"again": 1.0, "new_to_them": 0.4}
#: One customer in three is left out of a first fit, whose scores of them are calibrated.
_CALIBRATED = 3
_FILE = "next_purchases"


@dataclass(frozen=True)
class KindRanker:
    """What orders one list: `method`, by its scores; a calibration for each method that has a probability."""

    method: str
    calibrations: dict[str, Calibration]
    model: XGBClassifier | None = None

    def score(self, found: Candidates | Examples, method: str) -> Array:
        """Return the score of each candidate by a method."""
        if method != LEARNED:
            return found.baselines[method].astype(np.float64)
        assert self.model is not None
        if not len(found.row):
            return np.zeros(0)
        return np.asarray(self.model.predict_proba(found.features)[:, 1], dtype=np.float64)


@dataclass(frozen=True)
class Ranker:
    """The rankers of both lists, and the rows of quality that were measured before they were fitted to the last window.

    level: category or product; None where nothing can be suggested, and then `why_none` has the reason.
    """

    level: str | None
    horizon_days: int
    why_none: str | None = None
    kinds: dict[Kind, KindRanker] = field(default_factory=dict)
    quality: list[dict[str, Any]] = field(default_factory=list)

    def files(self) -> dict[str, bytes]:
        """Return file name -> content, as `load` reads them."""
        described = {
            "level": self.level,
            "horizon_days": self.horizon_days,
            "why_none": self.why_none,
            "quality": self.quality,
            "kinds": {
                kind: {
                    "method": ranker.method,
                    "features": FEATURES[kind],
                    "calibrations": {name: asdict(c) for name, c in ranker.calibrations.items()},
                }
                for kind, ranker in self.kinds.items()
            },
        }
        found = {f"{_FILE}.json": json.dumps(described, sort_keys=True).encode()}
        for kind, ranker in self.kinds.items():
            if ranker.model is not None:
                found[f"{_FILE}_{kind}.ubj"] = bytes(ranker.model.get_booster().save_raw("ubj"))
        return found

    @classmethod
    def load(cls, files: Mapping[str, bytes]) -> "Ranker | None":
        """Return the ranker of a version's files; None if they contain none, or one of another release's features."""
        if f"{_FILE}.json" not in files:
            return None
        described = json.loads(files[f"{_FILE}.json"])
        kinds: dict[Kind, KindRanker] = {}
        for kind in KINDS:
            found = described["kinds"].get(kind)
            if found is None:
                continue
            if tuple(found["features"]) != FEATURES[kind]:
                return None
            model = None
            if f"{_FILE}_{kind}.ubj" in files:
                model = XGBClassifier()
                model.load_model(bytearray(files[f"{_FILE}_{kind}.ubj"]))
            calibrations = {name: Calibration(**c) for name, c in found["calibrations"].items()}
            kinds[kind] = KindRanker(found["method"], calibrations, model)
        return cls(described["level"], described["horizon_days"], described["why_none"], kinds, described["quality"])


def is_file_of_ranker(name: str) -> bool:
    """Return whether a file of a model version belongs to the ranker of next purchases."""
    return name.startswith(_FILE)


def fit_kind(kind: Kind, windows: Sequence[Examples], seed: int) -> KindRanker:
    """Fit one list's ranker to earlier windows; without enough purchases in them only the baseline, calibrated."""
    baseline = BASELINES[kind]
    scores = np.concatenate([w.baselines[baseline] for w in windows]).astype(np.float64)
    bought = np.concatenate([w.bought for w in windows]).astype(np.float64)
    calibrations = {baseline: Calibration.fit(scores, bought)}
    if kind == "again":
        popularity = np.concatenate([w.baselines["popularity"] for w in windows]).astype(np.float64)
        calibrations["popularity"] = Calibration.fit(popularity, bought)
    if bought.sum() < _LEAST_PURCHASES or bought.sum() == len(bought):
        return KindRanker(baseline, calibrations)
    fitted, judged = zip(*map(_divided, windows), strict=True)
    first = KindRanker(LEARNED, {}, _fit_model(kind, fitted, seed))
    calibrations[LEARNED] = Calibration.fit(
        np.concatenate([first.score(w, LEARNED) for w in judged]),
        np.concatenate([w.bought for w in judged]).astype(np.float64),
    )
    return KindRanker(LEARNED, calibrations, _fit_model(kind, windows, seed))


def _divided(window: Examples) -> tuple[Examples, Examples]:
    """Return the examples of two in three customers, and of the third."""
    position = np.arange(len(window.wanted))
    is_judged = position % _CALIBRATED == _CALIBRATED - 1
    return window.of_customers(position[~is_judged]), window.of_customers(position[is_judged])


def _fit_model(kind: Kind, windows: Sequence[Examples], seed: int) -> XGBClassifier:
    features = np.vstack([w.features for w in windows])
    bought = np.concatenate([w.bought for w in windows])
    kept = _KEPT[kind]
    rows = (bought > 0) | (np.random.default_rng(seed).random(len(bought)) < kept)
    # chosen on windows of Online Retail II that end before those that are reported
    model = XGBClassifier(
        n_estimators=200, max_depth=6, learning_rate=0.05, subsample=0.8, colsample_bytree=0.7, min_child_weight=40,
        tree_method="hist", max_bin=64, n_jobs=1, random_state=seed,
    )  # fmt: skip
    weight = np.where(bought[rows] > 0, 1.0, 1 / kept)
    return model.fit(features[rows], bought[rows], sample_weight=weight)
