"""`clv backtest` and `clv evaluate` on a made-up company: the figures are what the predictions say, and the pages show them."""

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from clv_pipeline.core.errors import ConfigurationError
from clv_pipeline.core.home import Home
from clv_pipeline.core.settings import Settings
from clv_pipeline.evaluation.backtest import Backtest
from clv_pipeline.evaluation.predictions_file import judge_file
from clv_pipeline.evaluation.protocols import PROTOCOLS
from clv_pipeline.modeling import metrics
from clv_pipeline.reporting import backtest_card, backtest_report
from clv_pipeline.warehouse.connection import Warehouse
from clv_pipeline_tests.conftest import run_clv_here
from clv_pipeline_tests.made_up_rows import AS_OF, company_with_signal
from clv_pipeline_tests.warehouse_builders import write_source

DAYS = 60
CUTOFF = date(2024, 4, 2)
TABLES = ("quality", "differences", "learning", "sources", "verdicts")


@dataclass(frozen=True)
class Ran:
    """A finished `clv backtest`: what it printed, and where it wrote."""

    output: str
    folder: Path
    home: Home
    markdown: Path

    def table(self, name: str) -> pd.DataFrame:
        return pd.read_csv(self.folder / f"{name}.csv")

    @property
    def predictions(self) -> pd.DataFrame:
        return pd.read_parquet(self.folder / "predictions.parquet")

    def warehouse(self) -> Warehouse:
        return Warehouse(
            self.home.backtest, scratch=self.home.scratch, writable_folders=[], memory_limit="1GB", threads=2
        )


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    root = tmp_path_factory.mktemp("backtest")
    source = write_source(root / "made_up", 'time_zone = "UTC"\n', orders=company_with_signal().orders)
    home, markdown = Home(root / "home"), root / "accuracy.md"
    finished = run_clv_here(
        "backtest", "--source", str(source.folder), "--url", str(source.files), "--as-of", str(AS_OF),
        "--horizons", str(DAYS), "--windows", "1", "--markdown", str(markdown), "--home", str(home.root),
        CLV_MAX_CUTOFFS="2", CLV_TUNING_FOLDS="1", CLV_BOOTSTRAP_SAMPLES="20", CLV_MIN_BUYERS="100",
        CLV_MAX_PARAMETER_SETS="1",
    )  # fmt: skip
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return Ran(finished.stdout, home.backtest.parent / f"source-{AS_OF}", home, markdown)


def test_the_figures_of_the_champion_are_what_its_predictions_say(ran: Ran) -> None:
    rows = ran.predictions
    actual, predicted = rows["actual_spend"].to_numpy(), rows["predicted_spend"].to_numpy()
    told = ran.table("quality").query("is_champion").set_index("metric")["value"]
    assert len(rows) > 500
    assert told["normalised_gini"] == pytest.approx(metrics.normalised_gini(actual, predicted), abs=1e-6)
    assert told["total_bias"] == pytest.approx(predicted.sum() / actual.sum() - 1, abs=1e-6)
    assert told["wape"] == pytest.approx(np.abs(predicted - actual).sum() / actual.sum(), abs=1e-6)


def test_every_kind_of_model_and_baseline_is_judged_on_the_same_customers(ran: Ran) -> None:
    quality = ran.table("quality")
    judged = quality.query("row_kind == 'model'").groupby("candidate")["customers"].unique()
    assert {"blend", "btyd", "xgboost", "neural_net", "random_forest", "spend_rate", "trailing_spend"} <= set(
        judged.index
    )
    assert {tuple(n) for n in judged} == {(len(ran.predictions),)}
    assert set(quality["cutoff"]) == {str(CUTOFF)}
    assert set(quality.query("is_baseline")["candidate"]) >= {
        "zero",
        "mean",
        "trailing_spend",
        "spend_rate",
        "base_rate",
    }


def test_differences_are_paired_with_the_champion(ran: Ran) -> None:
    differences, quality = ran.table("differences"), ran.table("quality")
    gini = quality[quality["metric"] == "normalised_gini"].set_index("candidate")["value"]
    champion = quality.query("is_champion and metric == 'normalised_gini'")["candidate"].item()
    found = differences[differences["metric"] == "normalised_gini"].set_index("candidate")
    assert found.loc[champion, ["value", "low", "high"]].eq(0).all()
    for other in ("btyd", "spend_rate"):
        assert found.loc[other, "value"] == pytest.approx(gini[champion] - gini[other], abs=1e-6)
        assert found.loc[other, "low"] <= found.loc[other, "value"] <= found.loc[other, "high"]


def test_what_is_published_is_judged_on_the_same_customers_and_the_verdict_is_in_words(ran: Ran) -> None:
    rows, quality = ran.predictions, ran.table("quality")
    published = quality.query("row_kind == 'published'").set_index("metric")["value"]
    spend = rows["actual_spend"]
    inside = (spend >= rows["low"] - 0.005) & (spend <= rows["high"] + 0.005)
    assert published["interval_coverage"] == pytest.approx(inside.mean())
    assert (rows["low"] <= rows["predicted_spend"]).all() and (rows["predicted_spend"] <= rows["high"]).all()
    buyers = rows[spend > 0]
    if_buying = (buyers["actual_spend"] >= buyers["if_buying_low"] - 0.005) & (
        buyers["actual_spend"] <= buyers["if_buying_high"] + 0.005
    )
    assert published["if_buying_coverage"] == pytest.approx(if_buying.mean())
    assert 0.8 < if_buying.mean() < 0.97
    assert published["pooled_windows"] == 1, "the only fold has no window before it"
    verdict = quality.query("row_kind == 'verdict'").set_index("metric")
    right = spend.sum() / rows["predicted_spend"].sum()
    assert f"off by {1 / right - 1:+.1%}" in verdict.loc["total_inside_its_interval", "statement"]
    ends = published["total_actual_over_low"] >= 1 >= published["total_actual_over_high"]
    assert verdict.loc["total_inside_its_interval", "value"] == float(ends)
    nothing = (spend <= 0).mean()
    assert f"{nothing:.0%} of the customers bought nothing" in verdict.loc["wape_below_predicting_zero", "statement"]
    card = (ran.folder / "model_card.md").read_text()
    assert all(f": {statement}." in card for statement in verdict["statement"])


def test_the_learning_curve_and_the_ablation_are_drawn_from_what_was_measured(ran: Ran) -> None:
    learning = ran.table("learning")
    assert learning["share"].tolist() == [0.1, 0.25, 0.5, 1.0]
    assert learning["customers"].is_monotonic_increasing
    assert learning["normalised_gini"].between(0, 1).all()
    assert set(ran.table("sources")["left_out"]) == {"btyd"}, "there is no source but orders"


def test_the_page_holds_its_tables_and_whole_pictures(ran: Ran) -> None:
    page = (ran.folder / "backtest.html").read_text()
    assert f"{DAYS} days from {CUTOFF}" in page
    pictures = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(pictures) == 6, "predicted against actual, calibration, gain, coverage, learning curve, ablation"
    assert all("<path" in picture for picture in pictures)
    for name in ran.table("quality")["candidate"].unique():
        assert f'<th scope="row">{name}</th>' in page
    assert "http" not in page, "nothing is fetched from elsewhere"


def test_the_model_card_is_one_page_with_the_figures_of_the_tables(ran: Ran) -> None:
    card = (ran.folder / "model_card.md").read_text()
    champion = ran.table("quality").query("is_champion").set_index("metric")
    assert len(card.splitlines()) < 60
    gini = champion.loc["normalised_gini"]
    assert f"{gini['candidate']} (champion) | {gini['value']:.3f} [{gini['low']:.3f}, {gini['high']:.3f}]" in card
    bias = champion.loc["total_bias", "value"]
    assert f"the predicted total was {abs(bias):.1%} {'above' if bias > 0 else 'below'} the actual total" in card


def test_the_command_line_shows_champion_btyd_and_best_baseline(ran: Ran) -> None:
    champion = ran.table("quality").query("is_champion and metric == 'normalised_gini'")["candidate"].item()
    for name in (champion, "btyd"):
        assert name in ran.output
    assert "backtest.html" in ran.output
    assert "model_card.md" in ran.output


def test_the_section_of_the_markdown_file_has_the_tables_and_the_whole_command(ran: Ran) -> None:
    text = ran.markdown.read_text()
    source = ran.home.root.parent / "made_up" / "source"
    assert f"`clv backtest --source {source} --as-of {AS_OF} --horizons {DAYS} --windows 1`" in text
    assert text.count("## ") >= 4
    assert text.count(f"### {DAYS} days from {CUTOFF}") == 1
    assert "| blend |" in text


def test_no_window_with_another_before_it_is_an_error_with_the_longest_horizon(ran: Ran, tmp_path: Path) -> None:
    source = ran.home.root.parent / "made_up"
    finished = run_clv_here(
        "backtest", "--source", str(source / "source"), "--url", str(source / "files"), "--as-of", str(AS_OF),
        "--horizons", "360", "--home", str(tmp_path / "home"),
    )  # fmt: skip
    assert finished.returncode == 1
    assert "No window of (360,) days" in finished.stdout
    assert "Next step: pass --horizons with at most 182 days" in finished.stdout


# --- clv evaluate ----------------------------------------------------------------------------------------------------


def judge(ran: Ran, file: Path, window: str = f"{CUTOFF}+{DAYS}d") -> dict[str, float]:
    """Judge a file of predictions that were made before every window; what if they were not is fault 75."""
    with ran.warehouse().connection() as connection:
        judged = judge_file(connection, Settings(bootstrap_samples=20), file, window, date(2020, 1, 1))
    return {name: estimate.value for name, estimate in judged.estimates.items()} | {"missing": judged.missing}


def written(folder: Path, frame: pd.DataFrame) -> Path:
    frame.to_csv(folder / "predictions.csv", index=False)
    return folder / "predictions.csv"


def test_a_file_of_our_own_predictions_is_judged_as_the_backtest_judged_them(ran: Ran, tmp_path: Path) -> None:
    file = written(tmp_path, ran.predictions[["customer_id", "predicted_spend"]])
    judged, told = judge(ran, file), ran.table("quality").query("is_champion").set_index("metric")["value"]
    assert judged["missing"] == 0
    for metric in ("normalised_gini", "wape", "total_bias", "spearman", "root_mean_squared_error"):
        assert judged[metric] == pytest.approx(told[metric], abs=1e-6), metric


def test_a_customer_who_is_left_out_counts_as_predicted_nothing(ran: Ran, tmp_path: Path) -> None:
    frame = ran.predictions[["customer_id", "predicted_spend"]]
    dearest = frame["predicted_spend"].idxmax()
    without, as_zero = (
        frame.drop(index=dearest),
        frame.assign(predicted_spend=frame["predicted_spend"].mask(frame.index == dearest, 0.0)),
    )
    one, other = judge(ran, written(tmp_path, without)), judge(ran, written(tmp_path, as_zero))
    assert (one.pop("missing"), other.pop("missing")) == (1, 0)
    assert one == other


@pytest.mark.parametrize(
    ("frame", "window", "says"),
    [
        ({"customer_id": ["C1"], "predicted_spent": [1]}, f"{CUTOFF}+{DAYS}d", "has no column 'predicted_spend'"),
        ({"customer": ["C1"], "predicted_spend": [1]}, f"{CUTOFF}+{DAYS}d", "has no column 'customer_id'"),
        ({"customer_id": ["1", "1"], "predicted_spend": [1, 2]}, f"{CUTOFF}+{DAYS}d", "repeat a customer_id of another row"),
        ({"customer_id": ["1"], "predicted_spend": [1]}, f"{CUTOFF}+{DAYS + 1}d", "ends after 2024-06-01"),
        ({"customer_id": ["1"], "predicted_spend": [1]}, "2020-01-01+30d", "Nobody had bought before 2020-01-01"),
        ({"customer_id": ["1"], "predicted_spend": [1]}, "spring", "The window 'spring' cannot be read"),
        ({"customer_id": ["1"], "predicted_spend": [1]}, "2023-02-29+9d", "The window '2023-02-29+9d' cannot be read"),
        ({"customer_id": [], "predicted_spend": []}, f"{CUTOFF}+{DAYS}d", "has no rows"),
    ],
)  # fmt: skip
def test_what_cannot_be_judged_is_said(ran: Ran, tmp_path: Path, frame: dict[str, Any], window: str, says: str) -> None:
    file = written(tmp_path, pd.DataFrame(frame))
    with pytest.raises(ConfigurationError, match=re.escape(says)):
        judge(ran, file, window)


# --- pages of a backtest made by hand --------------------------------------------------------------------------------


def by_hand(gini: float = 0.8) -> Backtest:
    """Return a backtest of one window with two models, the baseline better than the champion."""
    at = {"horizon_days": 90, "cutoff": CUTOFF}
    metrics_of = {"normalised_gini": gini, "spearman": 0.5, "top_decile_capture": 0.7,
                  "top_decile_share": 0.4, "top_fifth_share": 0.6, "wape": 0.9, "total_bias": -0.2,
                  "decile_wape": 0.1, "root_mean_squared_error": 5.0, "mean_absolute_error": 2.0}  # fmt: skip
    quality = pd.DataFrame(
        [
            {**at, "row_kind": "model", "target": "spend_90d_total", "candidate": name, "is_baseline": name != "<blend>",
             "is_champion": name == "<blend>", "customers": 1234, "metric": metric, "value": value + (name != "<blend>") / 100,
             "low": value - 0.1, "high": value + 0.1}
            for name in ("<blend>", "spend_rate") for metric, value in metrics_of.items()
        ]
    )  # fmt: skip
    differences = pd.DataFrame(
        [
            {**at, "candidate": "spend_rate", "metric": metric, "value": -0.01, "low": -0.02, "high": -0.005}
            for metric in ("normalised_gini", "spearman", "root_mean_squared_error")
        ]
    )
    sources = pd.DataFrame(
        [{**at, "left_out": "web_sessions", "metric": "normalised_gini", "with_source": 0.8, "without_source": 0.7,
          "value": 0.1, "low": 0.05, "high": 0.15}]
    )  # fmt: skip
    learning = pd.DataFrame(
        [{**at, "share": 1.0, "customers": 1234, "normalised_gini": gini, "root_mean_squared_error": 5.0}]
    )
    verdicts = pd.DataFrame([{**at, "target": "spend", "candidate": "<blend>", "reason": "because"}])
    predictions = pd.DataFrame({"horizon_days": [], "cutoff": []})
    return Backtest("<shop>", "EUR", quality, differences, predictions, learning, sources, verdicts)


def test_a_section_replaces_itself_and_leaves_the_others_alone(tmp_path: Path) -> None:
    file = tmp_path / "accuracy.md"
    file.write_text("# Accuracy\n\nWords.\n\n## Another\n\nkept\n")
    backtest_report.write_section(by_hand(0.8), file, "shop", "clv backtest", None)
    backtest_report.write_section(by_hand(0.8), file, "shop two", "clv backtest", None)
    second = file.read_text()[file.read_text().index("## shop two\n") :]
    backtest_report.write_section(by_hand(0.6), file, "shop", "clv backtest", None)
    text = file.read_text()
    assert text.startswith("# Accuracy\n\nWords.\n\n## Another\n\nkept\n\n## shop\n")
    assert text.endswith(second)
    assert text.count("## shop\n") == text.count("## shop two\n") == 1
    text = text.removesuffix(second)
    assert "| <blend> | champion | 0.600 |" in text
    assert "0.800 | 0.500" not in text


def test_what_has_no_value_is_an_empty_cell(tmp_path: Path) -> None:
    """A constant has no rank correlation, and neither has the difference to it."""
    made = by_hand()
    of_constant = (made.quality["candidate"] == "spend_rate") & (made.quality["metric"] == "spearman")
    made.quality.loc[of_constant, ["value", "low", "high"]] = float("nan")
    made.differences.loc[made.differences["metric"] == "spearman", ["value", "low", "high"]] = float("nan")
    backtest_report.write_section(made, tmp_path / "accuracy.md", "shop", "clv backtest", None)
    page = backtest_report.write_page(made, tmp_path).read_text()
    assert "| spend_rate | -0.010 [-0.020, -0.005] |  | " in (tmp_path / "accuracy.md").read_text()
    for text in ((tmp_path / "accuracy.md").read_text(), page):
        assert "[, ]" not in text and "nan" not in text


def test_the_section_of_a_protocol_shows_what_others_published(tmp_path: Path) -> None:
    protocol = PROTOCOLS["public_bar_180d"]
    backtest_report.write_section(by_hand(), tmp_path / "accuracy.md", "bar", "clv backtest", protocol)
    text = (tmp_path / "accuracy.md").read_text()
    for method, figures in protocol.published:
        assert f"| *{method}* | published |" in text
        assert f"{figures['wape']:.3f}" in text


def test_what_adds_to_the_ranking_is_drawn_and_names_are_inert(tmp_path: Path) -> None:
    page = backtest_report.write_page(by_hand(), tmp_path).read_text()
    assert "<blend>" not in page
    assert "&lt;blend&gt;" in page
    assert "web sessions" in page
    assert page.count("<svg") == 2, "the learning curve and the ablation; there are no predictions to draw"


def test_the_card_names_who_ranked_better_than_the_champion(tmp_path: Path) -> None:
    card = backtest_card.write_card(by_hand(), tmp_path).read_text()
    assert "the predicted total was 20.0% below the actual total" in card
    assert "ranked customers better than the champion, by more than chance (Gini): spend_rate by 0.010" in card
    assert "| not measured |" in card
