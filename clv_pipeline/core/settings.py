"""All settings of the pipeline, typed and read once: CLV_* environment over source.toml over the defaults below.

The code that uses a setting is elsewhere; this module has only its name, type, default and meaning.
"""

import logging
import os
import re
import tomllib
from datetime import date
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, cast
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from clv_pipeline.core import project_files
from clv_pipeline.core.errors import ConfigurationError, nearest
from clv_pipeline.core.project_files import SOURCES_FOLDER
from clv_pipeline.core.source_address import address_in_file

log = logging.getLogger(__name__)


class OrderStatus(BaseModel):
    """The order statuses that count as revenue and those that do not, "" for none. A status in neither list is quarantined."""

    revenue: list[str] = []
    not_revenue: list[str] = []


class ExcludeRule(BaseModel):
    """Rows that are real but not business (tests, staff, fees): excluded, counted, shown with their reason."""

    table: str
    reason: str
    where: str


#: The settings that define the segments.
SEGMENT_SETTINGS = (
    "high_value_share", "churn_probability_ratio", "churn_value_share", "missed_potential_share", "recent_days",
)  # fmt: skip
Changes = Literal["data", "model", "scores", "nothing"]
#: How numbers are written; the last one has a narrow no-break space between thousands.
NumberFormat = Literal["1,234.5", "1.234,5", "1 234,5"]

#: Fingerprints that cover such a setting in the run identity; see `_setting`.
_ROWS, _CHAMPION = "the fingerprints of the rows and of the source's SELECTs", "the version of the champion"


def _setting(default: Any = ..., *, changes: Changes, covered_by: str | None = None, **constraints: Any) -> Any:
    """Return a field that declares which results a change of its value affects.

    `covered_by` names what the identity of a run contains instead, where the value itself (an address, a secret) may
    differ although the results are the same.
    """
    declared: dict[str, Any] = {"changes": changes, "covered_by": covered_by}
    if default is not ...:
        constraints["default"] = default
    return Field(json_schema_extra=declared, **constraints)


#: data: the tables up to the features, and so everything after them. model: the trained models. scores: the scores
#: and published tables. nothing: not a byte of a bundle; a test changes each and compares.
_data, _model, _scores, _nothing = (
    partial(_setting, changes=changes) for changes in ("data", "model", "scores", "nothing")
)


class Settings(BaseSettings):
    """All settings. Each field can be set as CLV_<NAME> in the environment or as <name> in source.toml."""

    model_config = SettingsConfigDict(env_prefix="CLV_", extra="ignore", populate_by_name=True)

    # locations
    source: str = _data("demo", covered_by=_ROWS)
    #: by default each source has its own
    home: Path = _nothing(default_factory=lambda known: default_home(known.get("source", "demo")))
    source_url: SecretStr | None = _data(None, covered_by=_ROWS)
    hash_key: SecretStr | None = _data(None, covered_by=_ROWS)
    #: the list of erased customers; by default next to source.toml
    tombstones: Path | None = _data(None, covered_by=_ROWS)
    publish_url: SecretStr | None = _nothing(None)
    # small letters, digits and _ only: it becomes part of SQL in somebody else's database
    publish_schema: str = _nothing("clv", pattern=r"^[a-z_][a-z0-9_]{0,59}$")

    # properties of the source (source.toml)
    name: str = _scores("")
    time_zone: str = _data("UTC")
    currency: str = _data("EUR")
    gross_margin: float | None = _scores(None, gt=0, le=1)
    order_status: OrderStatus | None = _data(None)
    exclude: list[ExcludeRule] = _data([])

    # the run
    as_of: date | None = _data(None, covered_by="the as_of of the run")
    horizons: Annotated[tuple[int, ...], NoDecode] = _data((90,))
    seed: int = _model(7)
    lifetime_days: int = _data(3 * 365, gt=0)
    discount_rate: float = _data(0.10, ge=0, lt=1)
    nightly_at: str = _nothing("02:30", pattern=r"^([01]\d|2[0-3]):[0-5]\d$")

    # extraction
    batch_rows: int = _nothing(100_000, gt=0)
    lookback_days: int = _data(14, covered_by=_ROWS, ge=0)
    statement_timeout_seconds: int = _nothing(1800, gt=0)
    connect_tries: int = _nothing(3, gt=0)
    earliest_date: date = _data(date(1990, 1, 1))
    max_unreadable_share: float = _nothing(0.01, ge=0, le=1)
    max_unknown_customer_share: float = _nothing(0.20, ge=0, le=1)
    net_refunds: bool = _data(True)
    max_rejected_share: float = _nothing(0.10, ge=0, le=1)

    # limits of the nightly checks (quality/night_checks.py); clv_run names the checks that were acknowledged
    min_volume_ratio: float = _scores(0.4, ge=0, lt=1)
    max_volume_ratio: float = _scores(2.0, gt=1)
    max_stale_days: int = _scores(3, ge=1)
    stale_data: Literal["block", "publish"] = _scores("block")
    max_order_value_drift: float = _scores(5.0, gt=1)
    min_total_ratio: float = _scores(0.5, ge=0, lt=1)
    max_total_ratio: float = _scores(2.0, gt=1)
    max_segment_changes: float = _scores(0.15, gt=0, le=1)

    # retention and catching up on missed nights
    keep_bundles: int = _nothing(14, ge=2)
    keep_models: int = _nothing(10, ge=1)
    catch_up_nights: int = _nothing(7, ge=0)

    # alerts: a webhook and a command that are told of red, stale, recovered and acknowledged nights. Both are taken from the
    # environment only: addresses of webhooks are secrets, and a folder of SELECTs must not bring commands of its own
    alert_url: SecretStr | None = _nothing(None)
    alert_command: SecretStr | None = _nothing(None)

    # the dashboard: the password that it asks for, if any
    dashboard_password: SecretStr | None = _nothing(None)

    # the machine
    memory_limit: str = _nothing("4GB", pattern=r"^\d+(\.\d+)? ?[KMGT]i?B$")
    threads: int = _nothing(min(os.cpu_count() or 2, 8), gt=0)

    # privacy: patterns of feature names that no model may see; their columns are audited (table fairness_audit)
    denied_features: Annotated[tuple[str, ...], NoDecode] = _data(
        ("*birth_year*", "*birth_date*", "*gender*", "*_sex", "age", "*_age", "*_age_years", "*_age_band")
    )

    # next purchases: patterns of categories (of products where no category is given) that are never suggested
    denied_categories: Annotated[tuple[str, ...], NoDecode] = _scores(())

    # training
    retrain_after_days: int = _model(7, covered_by=_CHAMPION, ge=0)
    force_training: bool = _model(False, covered_by=_CHAMPION)
    cutoff_step_days: int = _model(45, gt=0)
    max_cutoffs: int = _model(6, ge=1)
    recency_half_life_days: int = _model(365, ge=1)
    train_customers: int = _model(20_000, ge=100)
    min_buyers: int = _data(500, ge=10)
    tuning_folds: int = _model(2, ge=1)
    max_parameter_sets: int = _model(10, ge=1)
    bootstrap_samples: int = _model(100, ge=20)

    # segments
    high_value_share: float = _scores(0.20, gt=0, lt=1)
    churn_probability_ratio: float = _scores(0.70, gt=0, le=1)
    churn_value_share: float = _scores(0.40, gt=0, lt=1)
    missed_potential_share: float = _scores(0.33, gt=0, lt=1)
    recent_days: int = _scores(90, gt=0)

    # RFM scores: the number of groups, or cut points of the company's own (at most 8, ascending) in days, purchases and currency
    rfm_groups: int = _scores(5, ge=2, le=9)
    rfm_recency_cuts: Annotated[tuple[float, ...], NoDecode] = _scores(())
    rfm_frequency_cuts: Annotated[tuple[float, ...], NoDecode] = _scores(())
    rfm_monetary_cuts: Annotated[tuple[float, ...], NoDecode] = _scores(())

    # the report: it changes no figure, but report.html is part of a bundle
    number_format: NumberFormat = _scores("1,234.5")

    # the demo company
    demo_customers: int = _data(5_000, covered_by=_ROWS, ge=100)

    @field_validator(
        "horizons", "denied_features", "denied_categories", "rfm_recency_cuts", "rfm_frequency_cuts", "rfm_monetary_cuts",
        mode="before",
    )  # fmt: skip
    @classmethod
    def _split_list(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",")) if isinstance(value, str) else value

    @field_validator("rfm_recency_cuts", "rfm_frequency_cuts", "rfm_monetary_cuts")
    @classmethod
    def _ascending(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if len(value) > 8 or list(value) != sorted(set(value)):
            raise ValueError("cut points must be at most 8 numbers, each larger than the one before")
        return value

    @field_validator("horizons")
    @classmethod
    def _sorted_positive(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if not value or min(value) < 1:
            raise ValueError("horizons must be whole days, at least one horizon, each 1 or more")
        return tuple(sorted(set(value)))

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"'{value}' is not an IANA time zone such as Europe/Berlin") from error
        return value

    @field_validator("publish_schema")
    @classmethod
    def _not_the_databases_own(cls, value: str) -> str:
        # PostgreSQL keeps every name that begins with pg_, and what is published to gets an ending: pg_v2
        if value in ("information_schema", "mysql", "performance_schema", "sys") or f"{value}_".startswith("pg_"):
            raise ValueError(f"'{value}' belongs to the database itself, so name another schema, such as clv")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        named = init_settings()
        folder = source_folder(str(named.get("source") or os.environ.get("CLV_SOURCE") or "demo"))
        return init_settings, env_settings, InitSettingsSource(settings_cls, read_source_toml(folder))

    @property
    def source_folder(self) -> Path:
        """The folder with source.toml and the SELECTs; see the function of this name for the error."""
        return source_folder(self.source)

    def that_change(self, *results: Changes) -> dict[str, Any]:
        """Return the settings that affect any of `results`, as plain JSON values by name, without those covered elsewhere.

        >>> Settings(min_volume_ratio=0.5).that_change("scores")["min_volume_ratio"]
        0.5
        """
        declared = {name: cast(dict[str, Any], f.json_schema_extra) for name, f in type(self).model_fields.items()}
        names = {n for n, says in declared.items() if says["changes"] in results and says["covered_by"] is None}
        return self.model_dump(mode="json", include=names)

    @property
    def primary_horizon(self) -> int:
        """The horizon, in days, used for ranking, segments and reasons: the shortest one."""
        return self.horizons[0]


def source_folder(source: str) -> Path:
    """Return the folder of SELECTs for a name under sql/0_sources or for a path to any folder."""
    named = [SOURCES_FOLDER / source] if Path(source).name == source and source not in ("", ".", "..") else []
    for candidate in (*named, Path(source).expanduser()):
        if candidate.is_dir():
            return candidate.resolve()
    known = sorted(p.name for p in SOURCES_FOLDER.iterdir() if p.is_dir())
    raise ConfigurationError(
        f"Source '{source}' is neither a folder nor a name under sql/0_sources (available: {', '.join(known)})"
        + nearest(source, known),
        next_step="pass --source FOLDER (source.toml and one SELECT per table), or `clv init NAME` to start one.",
    )


def default_home(source: str) -> Path:
    """Return the home of a source for which none is named: a folder of its own, called as the source's is.

    >>> default_home("demo").parts[-3:]
    ('.clv', 'sources', 'demo')
    """
    return project_files.HOMES / "sources" / source_folder(source).name


def read_source_toml(folder: Path) -> dict[str, Any]:
    """Return the settings in `folder`/source.toml; a missing file means the defaults, an unknown key is only logged."""
    path = folder / "source.toml"
    if not path.exists():
        log.warning("%s has no source.toml: time zone UTC and currency EUR are assumed", folder)
        return {"name": folder.name}
    try:
        values = tomllib.loads(path.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} is not valid TOML: {error}", next_step="fix that line.") from None
    if "timezone" in values:
        values["time_zone"] = values.pop("timezone")
    known = list(Settings.model_fields)
    if "source_url" in values:
        values["source_url"] = address_in_file(values["source_url"], folder)
    for key in sorted(set(values) & _secrets() - {"source_url"}):
        raise ConfigurationError(
            f"{path}: '{key}' is a secret and does not belong in a file",
            next_step=f"remove it there and set CLV_{key.upper()} in the environment.",
        )
    for key in set(values) - set(known):
        log.warning("%s: unknown key '%s' is ignored%s", path, key, nearest(key, known))
    return {"name": folder.name} | {k: v for k, v in values.items() if k in known}


def _secrets() -> set[str]:
    """Return the settings that are secrets; an address may be in source.toml where it holds none."""
    return {name for name, field in Settings.model_fields.items() if field.annotation == SecretStr | None}


def load_settings(**overrides: Any) -> Settings:
    """Read the settings once; `overrides` (the command line) win over environment, source.toml and defaults.

    >>> load_settings(horizons="180,90").primary_horizon
    90

    Raises:
        ConfigurationError: a value is invalid; the message names the setting and the allowed values.
    """
    try:
        return Settings(**{k: v for k, v in overrides.items() if v is not None})
    except SettingsError as error:
        name = re.findall(r'field "(\w+)"', str(error))
        variable = f"CLV_{name[0].upper()}" if name else "a CLV_* variable"
        raise ConfigurationError(f"{variable} cannot be read: {error}", next_step=f"fix {variable}.") from None
    except ValidationError as error:
        first = error.errors()[0]
        where, setting = ".".join(str(part) for part in first["loc"]), str(first["loc"][0])
        raise ConfigurationError(
            f"Setting '{where}' cannot be used: {first['msg']}",
            next_step=f"fix CLV_{setting.upper().removeprefix('CLV_')}, the command-line option, or the key in source.toml.",
        ) from None
