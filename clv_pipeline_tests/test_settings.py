"""The settings: where each value comes from, which values are refused, and which folder is the source."""

import logging
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from clv_pipeline.core.errors import ConfigurationError
from clv_pipeline.core.project_files import SOURCES_FOLDER
from clv_pipeline.core.settings import Settings, load_settings, read_source_toml

Make = Callable[[str], Path]


@pytest.fixture
def folder(tmp_path: Path) -> Make:
    """Return a maker of a source folder outside the project that holds only a source.toml."""

    def make(toml: str) -> Path:
        made = tmp_path / "our_shop"
        made.mkdir(exist_ok=True)
        (made / "source.toml").write_text(toml)
        return made

    return make


# ------------------------------------------------------------------------------------------------ precedence


def test_command_line_over_environment_over_source_toml_over_default(
    folder: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = str(folder("lookback_days = 20\n"))
    assert load_settings(source=str(folder(""))).lookback_days == Settings.model_fields["lookback_days"].default
    folder("lookback_days = 20\n")
    assert load_settings(source=source).lookback_days == 20
    monkeypatch.setenv("CLV_LOOKBACK_DAYS", "30")
    assert load_settings(source=source).lookback_days == 30
    assert load_settings(source=source, lookback_days=40).lookback_days == 40
    assert load_settings(source=source, lookback_days=None).lookback_days == 30


@pytest.mark.parametrize(
    ("name", "in_toml", "in_environment", "expected"),
    [
        ("currency", '"USD"', "CHF", "CHF"),
        ("gross_margin", "0.4", "0.5", 0.5),
        ("as_of", "2024-01-01", "2024-02-02", date(2024, 2, 2)),
        ("horizons", "[30]", "60,365", (60, 365)),
        ("time_zone", '"Europe/Berlin"', "Asia/Tokyo", "Asia/Tokyo"),
        ("nightly_at", '"03:00"', "04:15", "04:15"),
        ("memory_limit", '"1GB"', "2GB", "2GB"),
        ("name", '"Their name"', "Our name", "Our name"),
    ],
)
def test_the_environment_wins_whatever_the_type(
    folder: Make, monkeypatch: pytest.MonkeyPatch, name: str, in_toml: str, in_environment: str, expected: object
) -> None:
    source = str(folder(f"{name} = {in_toml}\n"))
    from_toml = getattr(load_settings(source=source), name)
    assert from_toml != getattr(load_settings(source=str(folder("")), name="no name"), name)
    folder(f"{name} = {in_toml}\n")
    monkeypatch.setenv(f"CLV_{name.upper()}", in_environment)
    assert getattr(load_settings(source=source), name) == expected
    assert from_toml != expected


def test_rules_come_from_source_toml(folder: Make) -> None:
    settings = load_settings(
        source=str(
            folder(
                "[order_status]\nrevenue = ['paid']\nnot_revenue = ['open']\n"
                "[[exclude]]\ntable = 'orders'\nreason = 'test'\nwhere = \"customer_id like 'T%'\"\n"
            )
        )
    )
    assert settings.order_status is not None
    assert (settings.order_status.revenue, settings.order_status.not_revenue) == (["paid"], ["open"])
    assert [(r.table, r.reason, r.where) for r in settings.exclude] == [("orders", "test", "customer_id like 'T%'")]


def test_timezone_is_another_name_of_time_zone(folder: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    source = str(folder('timezone = "America/New_York"\n'))
    assert load_settings(source=source).time_zone == "America/New_York"
    monkeypatch.setenv("CLV_TIME_ZONE", "Pacific/Auckland")
    assert load_settings(source=source).time_zone == "Pacific/Auckland"


@pytest.mark.parametrize("name", ["TIMEZONE", "TIME_ZONE", "TZ", "HOME_ZONE", "CURRENCY", "HORIZONS"])
def test_variables_without_our_prefix_are_somebody_elses(
    folder: Make, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    source = str(folder('time_zone = "Europe/Berlin"\ncurrency = "USD"\nhorizons = [30]\n'))
    monkeypatch.setenv(name, "Asia/Tokyo" if "Z" in name and "HORIZONS" not in name else "99")
    settings = load_settings(source=source)
    assert (settings.time_zone, settings.currency, settings.horizons) == ("Europe/Berlin", "USD", (30,))


def test_secrets_are_masked_wherever_settings_are_shown(folder: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLV_HASH_KEY", "topsecret-key")
    monkeypatch.setenv("CLV_SOURCE_URL", "postgresql+psycopg://u:topsecret@h/d")
    settings = load_settings(source=str(folder("")))
    assert settings.hash_key is not None
    assert settings.hash_key.get_secret_value() == "topsecret-key"
    assert "topsecret" not in f"{settings} {settings!r} {settings.model_dump()} {settings.model_dump_json()}"


# ------------------------------------------------------------------------------------------------ source.toml


def test_an_unknown_key_is_ignored_with_a_warning_that_names_the_nearest(
    folder: Make, caplog: pytest.LogCaptureFixture
) -> None:
    source = folder('currencies = "USD"\nzzz_qqq = 1\n')
    settings = load_settings(source=str(source))
    assert settings.currency == Settings.model_fields["currency"].default
    warnings = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert sorted(warnings) == [
        f"{source / 'source.toml'}: unknown key 'currencies' is ignored (nearest: 'currency')",
        f"{source / 'source.toml'}: unknown key 'zzz_qqq' is ignored",
    ]


@pytest.mark.parametrize("name", ["demo", "cdnow", "online_retail_ii"])
def test_the_sources_that_come_along_have_no_unknown_key(name: str, caplog: pytest.LogCaptureFixture) -> None:
    settings = load_settings(source=name)
    assert settings.source_folder == SOURCES_FOLDER / name
    assert settings.name and settings.as_of
    assert not caplog.records


def test_without_source_toml_the_assumptions_are_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings = load_settings(source=str(tmp_path))
    assert (settings.time_zone, settings.currency, settings.name) == ("UTC", "EUR", tmp_path.name)
    assert f"{tmp_path} has no source.toml: time zone UTC and currency EUR are assumed" in caplog.text


@pytest.mark.parametrize("content", ["currency = USD\n", "[exclude\n", "name = 'x'\nname = 'y'\n"])
def test_a_broken_source_toml_names_file_and_line(folder: Make, content: str) -> None:
    source = folder(content)
    with pytest.raises(ConfigurationError) as caught:
        load_settings(source=str(source))
    assert f"{source / 'source.toml'} is not valid TOML" in str(caught.value)
    assert "line" in str(caught.value)


def test_a_source_toml_in_another_encoding_names_the_file(folder: Make) -> None:
    source = folder("")
    (source / "source.toml").write_bytes('name = "München"\n'.encode("latin-1"))
    with pytest.raises(ConfigurationError, match=r"source\.toml is not valid TOML"):
        load_settings(source=str(source))


# ------------------------------------------------------------------------------------------------ horizons


@pytest.mark.parametrize(
    ("written", "horizons"),
    [("90", (90,)), ("90,180", (90, 180)), (" 365 , 90,90 ", (90, 365)), ("1", (1,)), ("0090", (90,))],
)
def test_horizons_are_read_sorted_and_once_each(
    folder: Make, monkeypatch: pytest.MonkeyPatch, written: str, horizons: tuple[int, ...]
) -> None:
    source = str(folder(""))
    assert load_settings(source=source, horizons=written).horizons == horizons
    monkeypatch.setenv("CLV_HORIZONS", written)
    settings = load_settings(source=source)
    assert settings.horizons == horizons
    assert settings.primary_horizon == horizons[0]
    monkeypatch.delenv("CLV_HORIZONS")
    assert load_settings(source=str(folder(f'horizons = "{written}"\n'))).horizons == horizons


def test_horizons_as_a_list_in_source_toml(folder: Make) -> None:
    assert load_settings(source=str(folder("horizons = [180, 90]\n"))).horizons == (90, 180)


@pytest.mark.parametrize("written", ["90,30", "30,30", "1,2,3,4,5,6,7,8,9", "few,many", "30,,90"])
def test_cut_points_that_are_not_ascending_numbers_are_refused(written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLV_RFM_RECENCY_CUTS", written)
    with pytest.raises(ConfigurationError, match="rfm_recency_cuts"):
        load_settings()


def test_cut_points_are_read_from_source_toml_and_environment(folder: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    source = str(folder("rfm_recency_cuts = [30, 90]\nrfm_monetary_cuts = [9.5]\n"))
    monkeypatch.setenv("CLV_RFM_MONETARY_CUTS", "10, 20.5")
    settings = load_settings(source=source)
    assert (settings.rfm_recency_cuts, settings.rfm_monetary_cuts, settings.rfm_frequency_cuts) == (
        (30, 90),
        (10, 20.5),
        (),
    )


@pytest.mark.parametrize("written", ["0", "-90", "90,0", "", "ninety", "90;180", "90.5", "90,,180"])
def test_horizons_that_are_no_days_are_refused(folder: Make, monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    source = str(folder(""))
    monkeypatch.setenv("CLV_HORIZONS", written)
    with pytest.raises(ConfigurationError, match=r"Setting 'horizons.* cannot be used") as caught:
        load_settings(source=source)
    assert "CLV_HORIZONS," in caught.value.next_step


# ------------------------------------------------------------------------------------------------ refused values

REFUSED = [
    ("batch_rows", "many"),
    ("batch_rows", "0"),
    ("gross_margin", "1.5"),
    ("gross_margin", "0"),
    ("time_zone", "Berlin"),
    ("time_zone", "../etc/passwd"),
    ("nightly_at", "25:00"),
    ("nightly_at", "2:30"),
    ("as_of", "yesterday"),
    ("as_of", "2023-02-29"),
    ("connect_tries", "0"),
    ("max_unreadable_share", "-0.1"),
    ("max_rejected_share", "10"),
    ("threads", "0"),
    ("min_buyers", "1"),
    ("recency_half_life_days", "0"),
    ("bootstrap_samples", "19"),
    ("order_status", "paid"),
    ("exclude", "[{"),
]


@pytest.mark.parametrize(("name", "value"), REFUSED)
def test_a_bad_value_in_the_environment_names_the_setting(
    folder: Make, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"CLV_{name.upper()}", value)
    with pytest.raises(ConfigurationError) as caught:
        load_settings(source=str(folder("")))
    assert name in caught.value.what.lower()
    assert f"CLV_{name.upper()}" in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(("name", "value"), REFUSED)
def test_a_bad_value_in_source_toml_names_the_setting(folder: Make, name: str, value: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(source=str(folder(f'{name} = "{value}"\n')))
    assert name in caught.value.what.lower()
    assert "source.toml" in caught.value.next_step


def test_an_incomplete_exclude_rule_names_what_is_missing(folder: Make) -> None:
    with pytest.raises(ConfigurationError, match=r"'exclude\.0\.where' cannot be used: Field required"):
        load_settings(source=str(folder("[[exclude]]\ntable = 'orders'\nreason = 'r'\n")))


# ------------------------------------------------------------------------------------------------ the source folder


def test_a_source_folder_may_lie_outside_the_project(folder: Make) -> None:
    outside = folder('currency = "SEK"\n')
    settings = load_settings(source=str(outside))
    assert (settings.source_folder, settings.currency, settings.name) == (outside, "SEK", "our_shop")


def test_a_source_folder_may_be_given_by_the_environment(folder: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLV_SOURCE", str(folder('currency = "SEK"\n')))
    assert load_settings().currency == "SEK"
    assert load_settings(source="cdnow").currency == "USD"


@pytest.mark.parametrize("written", ["our_shop", "./our_shop", "our_shop/.", "../{parent}/our_shop"])
def test_a_relative_path_is_a_source_folder(folder: Make, monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    outside = folder('currency = "SEK"\n')
    monkeypatch.chdir(outside.parent)
    settings = load_settings(source=written.format(parent=outside.parent.name))
    assert (settings.source_folder, settings.currency) == (outside, "SEK")


def test_the_current_folder_is_a_source_folder(folder: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    outside = folder('currency = "SEK"\n')
    monkeypatch.chdir(outside)
    settings = load_settings(source=".")
    assert (settings.source_folder, settings.currency) == (outside, "SEK")


@pytest.mark.parametrize(("written", "near"), [("dmeo", "demo"), ("online_retail", "online_retail_ii")])
def test_an_unknown_source_names_the_nearest_and_the_known_ones(written: str, near: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(source=written)
    assert f"'{written}' is neither a folder nor a name" in str(caught.value)
    assert f"(nearest: '{near}')" in str(caught.value)
    assert "cdnow" in str(caught.value)
    assert "--source" in caught.value.next_step


def test_a_file_is_no_source_folder(tmp_path: Path) -> None:
    (tmp_path / "orders.sql").write_text("select 1")
    with pytest.raises(ConfigurationError, match="neither a folder nor a name"):
        load_settings(source=str(tmp_path / "orders.sql"))


def test_reading_source_toml_keeps_known_keys_only(folder: Make) -> None:
    assert read_source_toml(folder('currency = "SEK"\nshoe = 1\n')) == {"name": "our_shop", "currency": "SEK"}
