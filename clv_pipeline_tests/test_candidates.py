"""Every model that competes: fits and predicts on rows as they come, learns from training rows only, is saved without pickle.

The tests run over `CANDIDATES`, so a new entry is tested by being there; the fixed rules have a case each by name.
"""

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from clv_pipeline.core.errors import ArtefactError, ConfigurationError
from clv_pipeline.features.cutoffs import Fold
from clv_pipeline.modeling import metrics
from clv_pipeline.modeling.calibration.level import ExpectedTotal
from clv_pipeline.modeling.candidates import rules
from clv_pipeline.modeling.candidates.catalogue import CANDIDATES, Candidate, Factor, Parameters, Task, candidates_for
from clv_pipeline.modeling.candidates.ensembles import Fitted, ProductOf, predict
from clv_pipeline.modeling.data import encoding, targets
from clv_pipeline.modeling.data.dataset import FeatureColumns, LabelledRows
from clv_pipeline.modeling.registry.artefacts import load_model, save_model
from clv_pipeline.modeling.training.tuning import TunedCandidate, fold_score, tune
from clv_pipeline_tests.made_up_rows import AS_OF, COLUMNS, feature_rows

TASK = Task(COLUMNS, 90, seed=7)
TRAINING = feature_rows(600, seed=1)
TONIGHT = feature_rows(200, seed=2).features
EACH = pytest.mark.parametrize("candidate", CANDIDATES, ids=lambda c: c.name)
FITTED: dict[tuple[str, str], Fitted] = {}


def fitted(candidate: Candidate, which: str = "first time") -> Fitted:
    """Return the candidate fitted to the training rows, once for each name given to the fit."""
    if (candidate.name, which) not in FITTED:
        FITTED[candidate.name, which] = candidate.fit(TASK, candidate.search[0], TRAINING)
    return FITTED[candidate.name, which]


def check_predictions(candidate: Candidate, predicted: NDArray[np.float64], customers: int) -> None:
    assert predicted.shape == (customers,)
    assert predicted.dtype == np.float64
    assert np.isfinite(predicted).all()
    assert predicted.min() >= 0
    if candidate.target == "purchase":
        assert predicted.max() <= 1


def with_targets(rows: LabelledRows, spend: NDArray[np.float64], purchase: NDArray[np.float64]) -> LabelledRows:
    return replace(rows, spend=spend, purchase=purchase, purchase_days=purchase)


def without_the_giant(rows: LabelledRows) -> LabelledRows:
    """Return the rows without the first, the one customer of millions."""
    return LabelledRows(
        rows.features.iloc[1:], rows.customer_id[1:], rows.as_of[1:], rows.spend[1:], rows.purchase[1:],
        rows.purchase_days[1:], rows.half_life_days,
    )  # fmt: skip


def learns_nothing(candidate: Candidate) -> bool:
    """A baseline does not learn, and a buy-till-you-die model has learned before: it reads its feature."""
    return candidate.is_baseline or candidate.name.startswith("btyd")


# --- fitting and predicting -----------------------------------------------------------------------------------------


def test_the_rows_are_as_awkward_as_real_ones() -> None:
    features = TRAINING.features
    assert 0.8 < features["survey_last_nps"].isna().mean() < 1
    assert 0 < features["mean_gap_days"].isna().mean() < 1
    assert features["last_category"].isna().any()
    assert features["last_category"].value_counts(normalize=True).min() < 0.02
    assert (TRAINING.spend < 0).any()
    assert TRAINING.spend.max() > 1_000 * np.mean(TRAINING.spend[1:])


@EACH
def test_predictions_can_be_published(candidate: Candidate) -> None:
    check_predictions(candidate, predict(fitted(candidate), TONIGHT), len(TONIGHT))
    check_predictions(candidate, predict(fitted(candidate), TONIGHT.iloc[:1]), 1)


@EACH
def test_every_parameter_set_can_be_fitted(candidate: Candidate) -> None:
    assert len(candidate.search) >= 1
    few = feature_rows(250, seed=4)
    for parameters in candidate.search:
        check_predictions(candidate, predict(candidate.fit(TASK, parameters, few), TONIGHT), len(TONIGHT))


@EACH
def test_categories_never_seen_in_training_are_no_error(candidate: Candidate) -> None:
    odd = TONIGHT.assign(last_category="a shelf opened tonight", web_last_device=np.nan)
    odd = odd.astype({"last_category": object, "web_last_device": object})
    check_predictions(candidate, predict(fitted(candidate), odd), len(odd))


@EACH
def test_a_customer_with_nothing_known_gets_a_prediction(candidate: Candidate) -> None:
    nothing = TONIGHT.iloc[:3].copy()
    nothing[:] = np.nan
    check_predictions(candidate, predict(fitted(candidate), nothing), 3)


@EACH
def test_a_customer_larger_than_any_in_training_gets_a_finite_prediction(candidate: Candidate) -> None:
    outlier = TONIGHT.iloc[:2].copy()
    outlier[list(COLUMNS.numeric)] = np.float32(1e9)
    check_predictions(candidate, predict(fitted(candidate), outlier), 2)


@EACH
def test_a_number_nobody_has_in_training_is_no_error(candidate: Candidate, tmp_path: Path) -> None:
    """A source that began after the older training windows: its columns are empty there, and filled tonight."""
    rows = feature_rows(250, seed=5)
    rows.features["survey_last_nps"] = np.float32(np.nan)
    pipeline = candidate.fit(TASK, candidate.search[0], rows)
    predicted = predict(pipeline, TONIGHT)
    check_predictions(candidate, predicted, len(TONIGHT))
    loaded = load_model(tmp_path, "90d_model", save_model(pipeline, tmp_path, "90d_model"))
    np.testing.assert_array_equal(predict(loaded, TONIGHT), predicted)


@EACH
def test_a_category_nobody_has_is_no_error(candidate: Candidate) -> None:
    rows = feature_rows(250, seed=5)
    rows.features["web_last_device"] = pd.Series(np.nan, index=rows.features.index, dtype=object)
    check_predictions(candidate, predict(candidate.fit(TASK, candidate.search[0], rows), TONIGHT), len(TONIGHT))


@EACH
def test_a_company_with_orders_only_has_no_other_columns(candidate: Candidate) -> None:
    known = ("recency_days", "spend_total", "purchase_days", "tenure_days")
    columns = FeatureColumns(known, (), {name: np.nan for name in COLUMNS.names if name not in known})
    rows = feature_rows(250, seed=6)
    few = replace(rows, features=rows.features[columns.names])
    pipeline = candidate.fit(Task(columns, 90, 7), candidate.search[0], few)
    check_predictions(candidate, predict(pipeline, TONIGHT[columns.names]), len(TONIGHT))


@EACH
@pytest.mark.parametrize("bought", [0.0, 1.0], ids=["nobody bought", "everybody bought"])
def test_windows_in_which_all_customers_did_the_same(candidate: Candidate, bought: float) -> None:
    """A closed season, or a subscription: a training that meets one must not end in an exception."""
    rows = feature_rows(250, seed=7)
    spend = np.full(len(rows), 40.0 * bought)
    pipeline = candidate.fit(TASK, candidate.search[0], with_targets(rows, spend, np.full(len(rows), bought)))
    predicted = predict(pipeline, TONIGHT)
    check_predictions(candidate, predicted, len(TONIGHT))
    if not learns_nothing(candidate):
        level = spend[0] if candidate.target == "spend" else bought
        assert np.median(predicted) == pytest.approx(level, abs=0.05 * 40 if candidate.target == "spend" else 0.05)


@EACH
def test_models_learn_what_there_is_to_learn(candidate: Candidate) -> None:
    if learns_nothing(candidate):
        pytest.skip("it learns nothing from these rows")
    judged, rows = feature_rows(1_000, seed=8), feature_rows(1_500, seed=3)
    # a line bends to one order of millions; the others are what there is to learn
    usual = without_the_giant(rows)
    predicted = predict(candidate.fit(TASK, candidate.search[0], usual), judged.features)[1:]
    if candidate.name == "median_boosting":
        # a median is nothing where no purchase is likelier than not: nearest to the truth, but no ranking of everybody
        closest = metrics.mean_absolute_error(judged.spend[1:], predicted)
        assert closest < metrics.mean_absolute_error(judged.spend[1:], np.zeros(999))
    elif candidate.target == "spend":
        assert metrics.normalised_gini(judged.spend[1:], predicted) > 0.3
    else:
        assert metrics.roc_auc(judged.purchase[1:], predicted) > 0.65
        assert metrics.log_loss(judged.purchase[1:], predicted) < metrics.log_loss(
            judged.purchase[1:], np.full(999, TRAINING.purchase.mean())
        )


# --- training rows only ---------------------------------------------------------------------------------------------


def parts_of(estimator: BaseEstimator) -> Iterator[BaseEstimator]:
    """Yield every fitted part of a pipeline, however deep."""
    yield estimator
    if hasattr(estimator, "transformers_"):
        below = [part for _, part, _ in estimator.transformers_]
    else:
        below = [part for _, part in getattr(estimator, "steps", [])]
    for part in below:
        if isinstance(part, BaseEstimator):
            yield from parts_of(part)


def rfm_or_all(width: int) -> list[str]:
    names = {len(COLUMNS.numeric): list(COLUMNS.numeric), 7: list(COLUMNS.numeric[:7])}
    return names[width]


@pytest.mark.parametrize("make", [encoding.linear_encoder, encoding.tree_encoder])
def test_encoders_hold_the_statistics_of_the_rows_they_were_fitted_to(make: object) -> None:
    encoder = make(COLUMNS).fit(TRAINING.features)  # type: ignore[operator]
    before = encoder.transform(TRAINING.features).copy()
    encoder.transform(feature_rows(500, seed=9).features)
    numbers = TRAINING.features[list(COLUMNS.numeric)]
    kinds = {type(part): part for part in parts_of(encoder)}
    counts = TRAINING.features["last_category"].value_counts(normalize=True, dropna=False)
    one_hot = kinds[encoding.FrequentCategories]
    frequent = counts.index[counts >= 0.01]
    assert {c for c in one_hot.frequent_[0] if isinstance(c, str)} == {c for c in frequent if isinstance(c, str)}
    assert one_hot.has_rest_[0] == bool((counts < 0.01).any())
    if make is encoding.linear_encoder:
        medians = numbers.median().fillna(0).to_numpy()
        np.testing.assert_allclose(kinds[SimpleImputer].statistics_, medians, rtol=1e-6)
        imputed = kinds[SimpleImputer].transform(numbers)
        bounds = np.quantile(imputed.astype(np.float64), [0.001, 0.999], axis=0)
        np.testing.assert_allclose(kinds[encoding.Winsoriser].bounds_, bounds, rtol=1e-6)
        clipped = np.clip(imputed, *bounds)
        np.testing.assert_allclose(kinds[StandardScaler].mean_, clipped.mean(axis=0), rtol=1e-5, atol=1e-8)
    np.testing.assert_array_equal(encoder.transform(TRAINING.features), before)


@pytest.mark.parametrize("seed", range(4))
def test_categories_become_the_columns_that_scikit_learn_makes_of_them(seed: int) -> None:
    """With rare, unseen and missing categories, a column that is all of one, and one that is all missing."""
    draw = np.random.default_rng(seed)
    names = np.array(["DE", "AT", "", "Zürich", "a", np.nan, *(f"rare {n}" for n in range(30))], dtype=object)
    chances = np.array([9, 6, 3, 2, 1, 4, *[0.02] * 30])
    columns = {
        "mixed": draw.choice(names, 400, p=chances / chances.sum()),
        "no rest": draw.choice(names[:3], 400),
        "one": np.full(400, "DE", dtype=object),
        "all rare": np.array([f"{n % 200}" for n in range(400)], dtype=object),
        "missing": np.full(400, np.nan, dtype=object),
    }
    learned = pd.DataFrame(columns, dtype=object)
    later = pd.DataFrame({name: draw.choice(np.append(names, "new"), 50) for name in columns}, dtype=object)
    theirs = OneHotEncoder(
        handle_unknown="infrequent_if_exist", min_frequency=0.01, sparse_output=False, dtype=np.float32
    ).fit(learned)
    ours = encoding.FrequentCategories().fit(learned)
    for rows in (learned, later):
        np.testing.assert_array_equal(ours.transform(rows), theirs.transform(rows))


@EACH
def test_a_candidate_is_fitted_to_the_rows_it_is_given(candidate: Candidate) -> None:
    """Each statistic found in a pipeline is that of the training rows, or of the buyers among them."""
    model = fitted(candidate)
    pipelines = model.members if isinstance(model, ProductOf) else (model,)
    for factor, pipeline in zip(candidate.factors, pipelines, strict=True):
        learned = TRAINING.features.iloc[factor.learn(TRAINING).rows]
        medians = learned[list(COLUMNS.numeric)].median().fillna(0)
        for part in parts_of(pipeline):
            if isinstance(part, SimpleImputer) and len(part.statistics_) in (len(COLUMNS.numeric), 7):
                np.testing.assert_allclose(part.statistics_, medians[rfm_or_all(len(part.statistics_))], rtol=1e-6)
            if isinstance(part, encoding.FrequentCategories) and hasattr(part, "frequent_"):
                shares = learned["last_category"].value_counts(normalize=True, dropna=False)
                seen = shares.index[shares >= 0.01].dropna()
                assert {c for c in part.frequent_[0] if isinstance(c, str)} == set(seen)


@EACH
def test_a_prediction_does_not_depend_on_who_else_is_in_the_batch(candidate: Candidate) -> None:
    """Nothing is fitted, scaled or ranked while scoring."""
    together = predict(fitted(candidate), TONIGHT)
    strangers = feature_rows(50, seed=10).features.assign(spend_total=np.float32(1e8))
    in_company = predict(fitted(candidate), pd.concat([strangers, TONIGHT.iloc[:20]], ignore_index=True))[50:]
    np.testing.assert_allclose(in_company, together[:20], rtol=1e-9)
    alone = [predict(fitted(candidate), TONIGHT.iloc[i : i + 1])[0] for i in range(5)]
    np.testing.assert_allclose(alone, together[:5], rtol=1e-9)


@EACH
@pytest.mark.parametrize("unit", [128, 1 / 128])
def test_the_unit_of_money_changes_nothing_but_the_unit(candidate: Candidate, unit: float) -> None:
    """The same customers in yen, or in gold: the same trees and lines, but for splits that rounding decides."""
    money = [n for n in COLUMNS.numeric if "spend" in n or "value" in n]
    rows = without_the_giant(feature_rows(600, seed=13))
    exchanged = rows.features.assign(**{name: rows.features[name] * np.float32(unit) for name in money})
    before = predict(candidate.fit(TASK, candidate.search[0], rows), rows.features)
    in_unit = replace(rows, features=exchanged, spend=rows.spend * unit)
    after = predict(candidate.fit(TASK, candidate.search[0], in_unit), exchanged)
    same = after / unit if candidate.target == "spend" else after
    off = np.abs(same - before) / np.maximum(before, before.mean() / 100 + 1e-12)
    assert (np.quantile(off, [0.5, 0.9, 1.0]) <= [0.02, 0.05, 0.1]).all()


@EACH
def test_fitting_changes_neither_rows_nor_targets(candidate: Candidate) -> None:
    rows = feature_rows(250, seed=11)
    kept, spend, purchase = rows.features.copy(), rows.spend.copy(), rows.purchase.copy()
    predict(candidate.fit(TASK, candidate.search[0], rows), rows.features)
    pd.testing.assert_frame_equal(rows.features, kept)
    np.testing.assert_array_equal(rows.spend, spend)
    np.testing.assert_array_equal(rows.purchase, purchase)


@EACH
def test_the_seed_makes_it_repeatable(candidate: Candidate) -> None:
    again = fitted(candidate, "again")
    assert again is not fitted(candidate)
    np.testing.assert_array_equal(predict(fitted(candidate), TONIGHT), predict(again, TONIGHT))


# --- tuning ---------------------------------------------------------------------------------------------------------

_CUTOFFS = tuple(AS_OF - timedelta(days=90 * k) for k in range(1, 5))


class Recorder(rules.Rule, RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """A model that keeps the rows it was shown and predicts a constant."""

    shown: list[tuple[str, NDArray[np.float64]]] = []  # noqa: RUF012

    def __init__(self, level: float = 0.0) -> None:
        self.level = level

    def fit(self, x: pd.DataFrame, y: NDArray[np.float64]) -> "Recorder":
        self.shown.append(("learned", x["recency_days"].to_numpy()))
        self.is_fitted_ = True
        return self

    def predict(self, x: pd.DataFrame) -> NDArray[np.float64]:
        self.shown.append(("judged", x["recency_days"].to_numpy()))
        return np.full(len(x), self.level)


def rows_marked_by_cutoff() -> LabelledRows:
    """Return rows whose `recency_days` is the number of their cutoff."""
    rows = feature_rows(400, seed=12, cutoffs=_CUTOFFS)
    return replace(rows, features=rows.features.assign(recency_days=np.arange(400) % 4))


#: No level is known anywhere, so predictions stay as they are.
NO_LEVELS = dict.fromkeys(_CUTOFFS, ExpectedTotal())


def one_factor(make: type[BaseEstimator], search: list[Parameters], **fixed: float) -> Candidate:
    """Return a candidate of spend that is one estimator on the plain features."""
    factor = Factor(lambda task, p: Pipeline([("model", make(**fixed, **p))]), targets.net_spend)
    return Candidate("made up", "spend", (factor,), search)


def test_tuning_learns_from_the_training_windows_and_judges_on_the_validation_window() -> None:
    Recorder.shown.clear()
    folds = (Fold(_CUTOFFS[2:], _CUTOFFS[1]), Fold(_CUTOFFS[3:], _CUTOFFS[2]))
    tuned = tune(
        one_factor(Recorder, [{}]),
        TASK,
        rows_marked_by_cutoff(),
        folds,
        NO_LEVELS,
        max_sets=10,
        progress=lambda text: None,
    )
    windows = [(kind, set(numbers.tolist())) for kind, numbers in Recorder.shown]
    assert windows == [("learned", {2, 3}), ("judged", {1}), ("learned", {3}), ("judged", {2})]
    assert len(tuned.fold_scores) == len(tuned.fold_biases) == 2


def test_tuning_keeps_the_parameters_with_the_best_mean_over_the_folds() -> None:
    rows = rows_marked_by_cutoff()
    rows.features["spend_total"] = rows.spend
    folds = (Fold(_CUTOFFS[2:], _CUTOFFS[1]), Fold(_CUTOFFS[3:], _CUTOFFS[2]))
    search: list[Parameters] = [{"column": "mean_gap_days"}, {"column": "spend_total"}, {"column": "survey_last_nps"}]
    candidate = one_factor(rules.ColumnRule, search, factor=1.1)
    told: list[str] = []
    tuned = tune(candidate, TASK, rows, folds, NO_LEVELS, max_sets=10, progress=told.append)
    assert tuned.parameters == {"column": "spend_total"}
    assert tuned.tried == len(told) == 3
    for place, fold in enumerate(folds):
        judged = rows.at((fold.validation,))
        predicted = np.maximum(judged.spend, 0) * 1.1
        assert tuned.fold_scores[place] == pytest.approx(fold_score("spend", judged.spend, predicted))
        assert tuned.fold_biases[place] == pytest.approx(predicted.sum() / judged.spend.sum() - 1, rel=1e-4)
    assert tuned.score == pytest.approx(np.mean(tuned.fold_scores))
    assert [tried.parameters for tried in tuned.searched] == search
    assert max(tried.score for tried in tuned.searched) == tuned.searched[1].score == tuned.score
    explained = [
        metrics.r_squared(judged.spend, np.maximum(judged.spend, 0) * 1.1)
        for judged in (rows.at((fold.validation,)) for fold in folds)
    ]
    assert tuned.searched[1].explained == pytest.approx(np.mean(explained), rel=1e-4)
    assert tuned.mean_absolute_bias == pytest.approx(np.mean(np.abs(tuned.fold_biases)))


@pytest.mark.parametrize(
    "name",
    ["gradient_boosting", "xgboost", "xgboost_on_btyd", "xgboost_classifier", "xgboost_classifier_on_btyd"],
)
def test_the_learning_rate_of_boosted_trees_is_searched(name: str) -> None:
    search = next(c.search for c in CANDIDATES if c.name == name)
    assert len({parameters["learning_rate"] for parameters in search}) > 1
    assert len(search) <= 3


def test_tuning_is_bounded_by_parameter_sets_not_by_time() -> None:
    candidate = next(c for c in CANDIDATES if len(c.search) > 1)
    folds = (Fold(_CUTOFFS[2:], _CUTOFFS[1]),)
    told: list[str] = []
    tuned = tune(candidate, TASK, rows_marked_by_cutoff(), folds, NO_LEVELS, max_sets=1, progress=told.append)
    assert (tuned.tried, told) == (1, [f"{candidate.name} 1/1"])
    assert tuned.parameters == candidate.search[0]
    assert len(tuned.fold_scores) == 1


@EACH
def test_without_a_fold_nothing_is_tried_and_nothing_is_claimed(candidate: Candidate) -> None:
    tuned: TunedCandidate = tune(candidate, TASK, TRAINING, (), {}, max_sets=10, progress=lambda text: None)
    assert tuned.parameters == candidate.search[0]
    assert tuned.fold_scores == ()
    assert np.isnan([tuned.score, tuned.mean_absolute_bias]).all()


# --- saving and loading ---------------------------------------------------------------------------------------------


def check_no_pickle(path: Path) -> None:
    """Every byte is JSON, a plain array or XGBoost's UBJ; a pickled object would fail to be read as these."""
    if path.suffix == ".json":
        json.loads(path.read_text())
        return
    if path.suffix == ".ubj":
        assert path.read_bytes()[:1] == b"{"
        return
    with zipfile.ZipFile(path) as archive:
        assert "schema.json" in archive.namelist()
        for name in archive.namelist():
            content = archive.read(name)
            if name.endswith(".json"):
                assert "clv_pipeline" not in json.dumps(json.loads(content)), "it knows where our modules are"
            else:
                assert name.endswith(".npy"), name
                np.load(io.BytesIO(content), allow_pickle=False)


@EACH
def test_saved_and_loaded_it_predicts_the_same(candidate: Candidate, tmp_path: Path) -> None:
    hashes = save_model(fitted(candidate), tmp_path, "90d_model")
    assert {path.name for path in tmp_path.iterdir()} == set(hashes)
    for path in tmp_path.iterdir():
        check_no_pickle(path)
    loaded = load_model(tmp_path, "90d_model", hashes)
    np.testing.assert_array_equal(predict(loaded, TONIGHT), predict(fitted(candidate), TONIGHT))


@EACH
def test_the_same_fit_gives_the_same_bytes(candidate: Candidate, tmp_path: Path) -> None:
    hashes = []
    for place, pipeline in enumerate((fitted(candidate), fitted(candidate, "again"))):
        folder = tmp_path / str(place)
        folder.mkdir()
        hashes.append(save_model(pipeline, folder, "90d_model"))
    assert hashes[0] == hashes[1]


@EACH
def test_a_flipped_byte_is_refused(candidate: Candidate, tmp_path: Path) -> None:
    hashes = save_model(fitted(candidate), tmp_path, "90d_model")
    for name in hashes:
        path = tmp_path / name
        whole = path.read_bytes()
        spoilt = bytearray(whole)
        spoilt[len(spoilt) // 2] ^= 1
        path.write_bytes(spoilt)
        with pytest.raises(ArtefactError, match="was changed: its sha256 differs") as refused:
            load_model(tmp_path, "90d_model", hashes)
        assert name in str(refused.value)
        path.write_bytes(whole)
    load_model(tmp_path, "90d_model", hashes)


@EACH
def test_a_missing_file_is_named(candidate: Candidate, tmp_path: Path) -> None:
    hashes = save_model(fitted(candidate), tmp_path, "90d_model")
    gone = tmp_path / max(hashes)
    gone.unlink()
    with pytest.raises(ArtefactError, match="missing") as refused:
        load_model(tmp_path, "90d_model", hashes)
    assert gone.name in str(refused.value)


def test_models_side_by_side_in_a_folder_are_not_mixed_up(tmp_path: Path) -> None:
    hashes: dict[str, str] = {}
    for candidate in CANDIDATES:
        hashes |= save_model(fitted(candidate), tmp_path, f"90d_{candidate.name}")
    for candidate in CANDIDATES:
        loaded = load_model(tmp_path, f"90d_{candidate.name}", hashes)
        np.testing.assert_array_equal(predict(loaded, TONIGHT), predict(fitted(candidate), TONIGHT))


def test_a_type_that_is_not_trusted_is_refused(tmp_path: Path) -> None:
    """The hash is right and the file is whole, but it would make an object of a class the pipelines do not consist of."""
    hashes = save_model(Pipeline([("model", Recorder().fit(TONIGHT, TRAINING.spend))]), tmp_path, "90d_spend")
    with pytest.raises(ArtefactError, match="not trusted") as refused:
        load_model(tmp_path, "90d_spend", hashes)
    assert "Recorder" in str(refused.value)


def test_a_version_stored_before_its_modules_moved_is_loaded(tmp_path: Path) -> None:
    candidate = next(c for c in CANDIDATES if c.name == "spend_rate")
    (name,) = save_model(fitted(candidate), tmp_path, "90d_spend")
    with zipfile.ZipFile(tmp_path / name) as archive:
        parts = {part: archive.read(part) for part in archive.namelist()}
    assert b'"clv"' in parts["schema.json"]
    parts["schema.json"] = parts["schema.json"].replace(b'"clv"', b'"clv_pipeline.modeling.where_it_was"')
    with zipfile.ZipFile(tmp_path / name, "w") as archive:
        for part, content in parts.items():
            archive.writestr(part, content)
    loaded = load_model(tmp_path, "90d_spend", {name: sha256((tmp_path / name).read_bytes()).hexdigest()})
    np.testing.assert_array_equal(predict(loaded, TONIGHT), predict(fitted(candidate), TONIGHT))


# --- the list, and the fixed rules ----------------------------------------------------------------------------------


def test_both_targets_have_baselines_and_models_under_names_of_their_own() -> None:
    assert len({c.name for c in CANDIDATES}) == len(CANDIDATES)
    for target in ("spend", "purchase"):
        of_target = candidates_for(target)  # type: ignore[arg-type]
        assert {c.is_baseline for c in of_target} == {True, False}
        assert all(c.target == target for c in of_target)
    assert len(candidates_for("spend")) + len(candidates_for("purchase")) == len(CANDIDATES)
    # "baselines first" is a promise that tables and pictures rely on
    for target in ("spend", "purchase"):
        kinds = [c.is_baseline for c in candidates_for(target)]  # type: ignore[arg-type]
        assert kinds == sorted(kinds, reverse=True)


def rule(name: str, horizon: int = 90) -> NDArray[np.float64]:
    candidate = next(c for c in CANDIDATES if c.name == name)
    return predict(candidate.fit(Task(COLUMNS, horizon, 7), {}, TRAINING), TONIGHT)


def column(name: str) -> NDArray[np.float64]:
    return TONIGHT[name].to_numpy(dtype=np.float64)


def test_zero_and_mean_do_what_their_names_say() -> None:
    assert (rule("zero") == 0).all()
    np.testing.assert_allclose(rule("mean"), TRAINING.spend.mean())
    np.testing.assert_allclose(rule("base_rate"), TRAINING.purchase.mean())


@pytest.mark.parametrize(
    ("horizon", "window", "factor"), [(90, "spend_90d", 1.0), (45, "spend_30d", 1.5), (7, "spend_30d", 7 / 30)]
)
def test_trailing_spend_is_the_last_window_again(horizon: int, window: str, factor: float) -> None:
    np.testing.assert_allclose(rule("trailing_spend", horizon), column(window) * factor)


@pytest.mark.parametrize("horizon", [30, 90, 365])
def test_the_rate_so_far_is_carried_on(horizon: int) -> None:
    np.testing.assert_allclose(rule("spend_rate", horizon), column("spend_per_30_days") * horizon / 30)
    rate = column("purchase_days_per_30_days") / 30
    np.testing.assert_allclose(rule("rate_so_far", horizon), 1 - np.exp(-rate * horizon), rtol=1e-6)


def test_a_rule_predicts_nothing_for_a_net_return_or_an_unknown_value() -> None:
    frame = pd.DataFrame({"spend_90d": [-50.0, np.nan, 20.0]})
    np.testing.assert_array_equal(rules.ColumnRule("spend_90d", 2.0).fit(frame, frame).predict(frame), [0, 0, 40])


def test_a_rule_on_a_feature_that_is_the_same_for_everybody_predicts_from_that_value() -> None:
    frame = pd.DataFrame({"spend_90d": [1.0, 2.0]})
    columns = FeatureColumns(("spend_90d",), (), {"spend_30d": 5.0, "btyd_spend_90d": np.nan})
    for made, expected in (
        (rules.column_rule(columns, "spend_90d", 2.0), [2, 4]),
        (rules.column_rule(columns, "spend_30d", 2.0), [10, 10]),
        (rules.column_rule(columns, "btyd_spend_90d"), [0, 0]),
    ):
        np.testing.assert_array_equal(made.fit(frame, frame).predict(frame), expected)


@pytest.mark.parametrize(
    ("name", "needed"),
    [
        ("trailing_spend", "spend_90d"),
        ("spend_rate", "spend_per_30_days"),
        ("btyd", "btyd_spend_90d"),
        ("linear_regression", "monetary_value"),
        ("xgboost_on_btyd", "btyd_spend_90d"),
        ("hurdle_on_btyd", "btyd_purchase_probability_90d"),
        ("count_times_value", "btyd_purchases_90d"),
        ("rate_so_far", "purchase_days_per_30_days"),
        ("btyd_probability", "btyd_purchase_probability_90d"),
        ("xgboost_classifier_on_btyd", "btyd_purchase_probability_90d"),
    ],
)
def test_a_feature_that_no_sql_file_makes_is_an_error_that_names_it(name: str, needed: str) -> None:
    """A feature renamed in SQL alone: until this was refused, the baseline on it predicted 0 for everybody."""
    candidate = next(c for c in CANDIDATES if c.name == name)
    columns = replace(COLUMNS, numeric=tuple(f"{n}_x" if n == needed else n for n in COLUMNS.numeric))
    renamed = replace(TRAINING, features=TRAINING.features.rename(columns={needed: f"{needed}_x"}))
    with pytest.raises(ConfigurationError, match=rf"'{needed}'.*\(nearest: '{needed}_x'\)"):
        candidate.fit(Task(columns, 90, 7), candidate.search[0], renamed)


def test_a_saved_rule_whose_feature_is_gone_predicts_nothing() -> None:
    frame = pd.DataFrame({"spend_90d": [1.0]})
    with pytest.raises(KeyError, match="gone"):
        rules.ColumnRule("gone", 2.0).fit(frame, frame).predict(frame)


@pytest.mark.parametrize("horizon", [1, 29, 30, 59, 60, 89, 90, 179, 180, 364, 365, 1_000])
def test_the_trailing_window_is_never_longer_than_the_horizon(horizon: int) -> None:
    windows = [f"spend_{days}d" for days in (30, 60, 90, 180, 365)]
    made = rules.trailing_spend(FeatureColumns(tuple(windows), ()), horizon)
    window = int(made.column.removeprefix("spend_").removesuffix("d"))
    assert window <= max(horizon, 30)
    assert made.factor == pytest.approx(horizon / window)


def test_rows_at_a_cutoff_are_the_rows_of_that_cutoff() -> None:
    rows = feature_rows(40, seed=13, cutoffs=(date(2024, 1, 1), date(2024, 2, 1)))
    some = rows.at((date(2024, 2, 1),))
    assert len(some) == 20
    np.testing.assert_array_equal(some.spend, rows.spend[1::2])
    pd.testing.assert_frame_equal(some.features, rows.features.iloc[1::2])
    assert len(rows.at(())) == 0
