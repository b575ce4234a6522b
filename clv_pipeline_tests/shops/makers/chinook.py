"""Chinook: the invoices of a music shop in SQLite. Unit prices stand in two tables, employees buy nothing."""

from clv_pipeline_tests.shops.made_up import D, Shop, Totals, purchases, script, table

_COUNTRIES = ("Brazil", "Germany", "Canada", "Norway", "Czech Republic")


def make() -> Shop:
    totals, invoices, lines = Totals(), [], []
    number = 0
    for p in purchases(3, count=50, people=15, products=12):
        country = _COUNTRIES[p.person % 5]
        tracks = [(product, 1) for product, _ in p.basket]
        # tracks 10 to 12 are episodes, which cost more; an invoice of before 2023-04 has the price of that time
        prices = [
            D("1.99") if track >= 9 else D("0.89") if p.at.year == 2023 and p.at.month < 4 else D("0.99")
            for track, _ in tracks
        ]
        for (track, quantity), price in zip(tracks, prices, strict=True):
            number += 1
            lines.append((number, p.number, track + 1, price, quantity))
        invoices.append(
            (
                p.number, p.person + 1, f"{p.at.date()} 00:00:00", "Theodor-Heuss-Strasse 34", "Stuttgart", None, country,
                "70174",
                sum(prices),
            )
        )  # fmt: skip
        totals.sale(("id", str(p.person + 1)), p.at.date(), prices)
    sql = script(
        table(
            "Artist", "ArtistId integer not null primary key, Name nvarchar(120)", [(1, "AC/DC"), (2, "Accept")]
        ),
        table(
            "Album",
            "AlbumId integer not null primary key, Title nvarchar(160) not null, "
            "ArtistId integer not null references Artist (ArtistId)",
            [(1, "For Those About To Rock", 1), (2, "Balls to the Wall", 2)],
        ),
        table(
            "Employee",
            "EmployeeId integer not null primary key, LastName nvarchar(20) not null, FirstName nvarchar(20) not null, "
            "Title nvarchar(30), ReportsTo integer references Employee (EmployeeId), BirthDate datetime, HireDate datetime, "
            "Address nvarchar(70), City nvarchar(40), State nvarchar(40), Country nvarchar(40), PostalCode nvarchar(10), "
            "Phone nvarchar(24), Fax nvarchar(24), Email nvarchar(60)",
            [
                (i, "Peacock", "Jane", "Sales Support Agent", None, "1973-08-29", "2002-04-01", "1111 6 Ave SW", "Calgary", "AB",
                 "Canada", "T2P 5M5", "+1 (403) 262-3443", None, f"staff{i}@chinook.example")
                for i in (1, 2, 3)
            ],
        ),
        table(
            "Customer",
            "CustomerId integer not null primary key, FirstName nvarchar(40) not null, LastName nvarchar(20) not null, "
            "Company nvarchar(80), Address nvarchar(70), City nvarchar(40), State nvarchar(40), Country nvarchar(40), "
            "PostalCode nvarchar(10), Phone nvarchar(24), Fax nvarchar(24), Email nvarchar(60) not null, "
            "SupportRepId integer references Employee (EmployeeId)",
            [
                (i + 1, "Leonie", "Koehler", None, "Theodor-Heuss-Strasse 34", "Stuttgart", None, _COUNTRIES[i % 5], "70174",
                 "+49 0711 2842222", None, f"listener{i + 1}@music.example", 1 + i % 3)
                for i in range(15)
            ],
        ),
        table(
            "Invoice",
            "InvoiceId integer not null primary key, CustomerId integer not null references Customer (CustomerId), "
            "InvoiceDate datetime not null, BillingAddress nvarchar(70), BillingCity nvarchar(40), BillingState nvarchar(40), "
            "BillingCountry nvarchar(40), BillingPostalCode nvarchar(10), Total numeric(10,2) not null",
            invoices,
        ),
        table(
            "InvoiceLine",
            "InvoiceLineId integer not null primary key, InvoiceId integer not null references Invoice (InvoiceId), "
            "TrackId integer not null references Track (TrackId), UnitPrice numeric(10,2) not null, Quantity integer not null",
            lines,
        ),
        table(
            "Genre", "GenreId integer not null primary key, Name nvarchar(120)", [(1, "Rock"), (2, "Metal"), (3, "TV Shows")]
        ),
        table("MediaType", "MediaTypeId integer not null primary key, Name nvarchar(120)", [(1, "MPEG audio file")]),
        table(
            "Track",
            "TrackId integer not null primary key, Name nvarchar(200) not null, AlbumId integer references Album (AlbumId), "
            "MediaTypeId integer not null, GenreId integer references Genre (GenreId), Composer nvarchar(220), "
            "Milliseconds integer not null, Bytes integer, UnitPrice numeric(10,2) not null",
            [
                (i + 1, f"Track {i + 1}", 1 + i % 2, 1, 3 if i >= 9 else 1 + i % 2, None, 343719, 11170334,
                 D("1.99") if i >= 9 else D("0.99"))
                for i in range(12)
            ],
        ),
        table("Playlist", "PlaylistId integer not null primary key, Name nvarchar(120)", [(1, "Music")]),
        table(
            "PlaylistTrack", "PlaylistId integer not null, TrackId integer not null, primary key (PlaylistId, TrackId)",
            [(1, i + 1) for i in range(12)],
        ),
    )  # fmt: skip
    answers = {"time_zone": "America/Edmonton", "currency": "USD"}
    traps = (
        "Track.UnitPrice is today's price, InvoiceLine.UnitPrice the one that was paid",
        "employees have e-mail addresses, too",
    )
    return Shop("sqlite", {"shop.sql": sql}, answers, totals, traps)
