"""Published tables of acquisition channels: what a new customer costs there, and what one is worth."""

from clv_pipeline.contracts.published_table import IDENTITY, PublishedTable

CHANNEL_TABLES: tuple[PublishedTable, ...] = (
    PublishedTable(
        "channel_value",
        ("acquisition_channel",),
        {
            "acquisition_channel": "channel that acquired the customers",
            "currency": IDENTITY["currency"],
        },
    ),
)
