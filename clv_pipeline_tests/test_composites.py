"""Models made of models, the nets among them: they predict as they should, and are saved and loaded as they were."""

import json
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from clv_pipeline.core.errors import ArtefactError
from clv_pipeline.modeling.candidates.catalogue import CANDIDATES, Task
from clv_pipeline.modeling.candidates.ensembles import Fitted, MeanOf, ProductOf, predict
from clv_pipeline.modeling.candidates.neural import LognormalNet
from clv_pipeline.modeling.registry.artefacts import load_model, save_model
from clv_pipeline_tests.made_up_rows import COLUMNS, feature_rows

TRAINING = feature_rows(500, seed=1)
TONIGHT = feature_rows(200, seed=2).features
TASK = Task(COLUMNS, 90, seed=7)


def fit(name: str) -> Fitted:
    candidate = next(c for c in CANDIDATES if c.name == name)
    return candidate.fit(TASK, candidate.search[0], TRAINING)


def nested() -> Fitted:
    """Return a mean of a product of nets, a product of anchored trees, one of free trees, and a line."""
    names = ("neural_net", "hurdle_on_btyd", "count_times_value", "hurdle", "elastic_net")
    return MeanOf(tuple(fit(name) for name in names), (0.4, 0.1, 0.2, 0.2, 0.1))


@pytest.fixture(scope="module")
def model() -> Fitted:
    return nested()


def test_a_mean_is_weighted_and_a_product_multiplies() -> None:
    one, two = fit("mean"), fit("btyd")
    first, second = predict(one, TONIGHT), predict(two, TONIGHT)
    np.testing.assert_allclose(predict(MeanOf((one, two), (0.25, 0.75)), TONIGHT), 0.25 * first + 0.75 * second)
    np.testing.assert_allclose(predict(ProductOf((one, two)), TONIGHT), first * second)


def test_a_nested_model_saved_and_loaded_predicts_the_same(model: Fitted, tmp_path: Path) -> None:
    hashes = save_model(model, tmp_path, "90d_spend")
    assert {p.name: sha256(p.read_bytes()).hexdigest() for p in tmp_path.iterdir()} == hashes
    loaded = load_model(tmp_path, "90d_spend", hashes)
    assert isinstance(loaded, MeanOf) and isinstance(model, MeanOf)
    assert loaded.weights == model.weights
    assert [type(m) for m in loaded.members] == [type(m) for m in model.members]
    np.testing.assert_array_equal(predict(loaded, TONIGHT), predict(model, TONIGHT))


def test_fitted_and_saved_twice_it_has_the_same_bytes(model: Fitted, tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
    assert save_model(model, tmp_path / "one", "m") == save_model(nested(), tmp_path / "two", "m")


def test_a_loaded_model_saved_again_predicts_the_same_once_more(model: Fitted, tmp_path: Path) -> None:
    loaded = load_model(tmp_path, "a", save_model(model, tmp_path, "a"))
    again = load_model(tmp_path, "b", save_model(loaded, tmp_path, "b"))
    np.testing.assert_array_equal(predict(again, TONIGHT), predict(model, TONIGHT))


def test_every_tampered_file_is_refused(model: Fitted, tmp_path: Path) -> None:
    hashes = save_model(model, tmp_path, "m")
    assert len(hashes) > 10
    for name in hashes:
        whole = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        with pytest.raises(ArtefactError, match="was changed: its sha256 differs") as refused:
            load_model(tmp_path, "m", hashes)
        assert name in str(refused.value)
        (tmp_path / name).write_bytes(whole)


def test_an_unknown_type_deep_inside_is_refused(tmp_path: Path) -> None:
    stranger = Pipeline([("encode", FunctionTransformer(exec)), ("model", LinearRegression())])
    hashes = save_model(MeanOf((fit("mean"), ProductOf((fit("mean"), stranger))), (0.5, 0.5)), tmp_path, "m")
    with pytest.raises(ArtefactError, match=r"m-1-1\.skops contains types that are not trusted.*exec"):
        load_model(tmp_path, "m", hashes)


def test_weights_are_written_as_they_are(tmp_path: Path) -> None:
    save_model(MeanOf((fit("mean"), fit("zero")), (0.6667, 0.3333)), tmp_path, "m")
    assert json.loads((tmp_path / "m.json").read_text()) == {"mean": [0.6667, 0.3333]}


# --- the nets -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [0.01, 1.0, 1e6])
def test_the_net_of_spend_never_explodes_far_outside_the_training_rows(scale: float) -> None:
    generator = np.random.default_rng(1)
    x = generator.standard_normal((600, 5))
    spend = scale * np.exp(2 * x[:, 0] + generator.standard_normal(600))
    net = LognormalNet(alpha=0.1).fit(x, spend)
    outside = generator.standard_normal((200, 5)) * 1e4
    predicted = net.predict(outside)
    assert np.isfinite(predicted).all() and (predicted >= 0).all()
    # the capped deviation of a lognormal is worth exp(1.5^2 / 2) at most
    assert predicted.max() <= spend.max() * np.exp(1.5**2 / 2) * 1.001
    assert predicted.max() > np.median(spend)


def test_the_net_finds_the_expectation_not_the_median() -> None:
    generator = np.random.default_rng(2)
    x = generator.standard_normal((4_000, 3))
    spend = np.exp(3 + 0.5 * x[:, 0] + generator.standard_normal(4_000))
    net = LognormalNet(alpha=0.1).fit(x, spend)
    assert net.sigma_ == pytest.approx(1, abs=0.1)
    assert net.predict(x).sum() == pytest.approx(spend.sum(), rel=0.1)


def test_an_outlier_outside_the_training_range_does_not_bring_down_the_candidate() -> None:
    outliers = TONIGHT.iloc[:20].copy()
    outliers[list(COLUMNS.numeric)] = np.float32(1e12)
    assert predict(fit("neural_net"), outliers).max() <= TRAINING.spend.max() * np.exp(1.5**2 / 2)
