"""Tables of many shapes for the offline model, each deterministic."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

LEDGER = Path(__file__).parents[2] / "examples" / "q4" / "ledger.csv"


def german_number(value: float) -> str:
    """Write 1234.5 as 1.234,50."""
    return f"{value:,.2f}".translate(str.maketrans(",.", ".,"))


def _months() -> Iterator[int]:
    yield from range(1, 13)


def german(folder: Path) -> Path:
    """Semicolons, decimal commas, dd.mm.yyyy, separate revenue and cost columns."""
    lines = ["Datum;Umsatz;Kosten;Region"]
    for month in _months():
        for place, region in enumerate(("Nord", "S\u00fcd")):
            for day in (5, 17, 27):
                revenue = german_number(1000 + 37.25 * month + 11 * day + 90 * place)
                cost = german_number(700 + 12.5 * month + 3 * day)
                lines.append(f"{day:02d}.{month:02d}.2025;{revenue};{cost};{region}")
    return _write(folder / "umsatz.csv", lines)


def sales(folder: Path) -> Path:
    """Quantity and unit price; gadgets sell at half the quantity in the third quarter."""
    lines = ["order_date,product,quantity,unit_price,customer"]
    for month in _months():
        for product, price, base in (
            ("Widget", 9.5, 40),
            ("Gadget", 24.0, 44),
            ("Gizmo", 4.25, 32),
        ):
            for day in (3, 9, 21):
                quantity = base + (day * month) % 7
                if product == "Gadget" and month in {7, 8, 9}:
                    quantity //= 2
                lines.append(f"2025-{month:02d}-{day:02d},{product},{quantity},{price},C{day % 4}")
    return _write(folder / "sales.csv", lines)


def french(folder: Path) -> Path:
    """Accents, French headings, a type column, dd/mm/yyyy."""
    lines = ["Date;Cat\u00e9gorie;Libell\u00e9;Montant;Type"]
    for month in _months():
        sold = f"{5000 + 100 * month},50"
        lines.append(f"03/{month:02d}/2025;Ventes;Facture {month};{sold};Recette")
        lines.append(f"12/{month:02d}/2025;Loyer;Loyer {month};1200,00;D\u00e9pense")
        lines.append(
            f"22/{month:02d}/2025;\u00c9nergie;EDF {month};{300 + 10 * month},25;D\u00e9pense"
        )
    return _write(folder / "comptabilit\u00e9.csv", lines)


def wide_months(folder: Path) -> Path:
    """A column for each month."""
    return _write(folder / "wide.csv", ["product,Jan,Feb,Mar", "A,1.5,2.5,3.5", "B,2.5,3.5,4.5"])


def undated(folder: Path) -> Path:
    """Revenue and cost by region and product, without dates."""
    lines = ["region,product,revenue,cost"]
    places = [(region, product) for region in ("N", "S", "E", "W") for product in ("A", "B", "C")]
    for n, (region, product) in enumerate(places):
        lines.append(f"{region},{product},{100 + 7 * n}.50,{60 + 3 * n}.25")
    return _write(folder / "undated.csv", lines)


def text_only(folder: Path) -> Path:
    """Nothing to add up."""
    lines = ["name,comment", *(f"Person {n},likes thing number {n} a lot" for n in range(30))]
    return _write(folder / "names.csv", lines)


def journal(folder: Path) -> Path:
    """Double entry: every amount once as debit and once as credit."""
    lines = ["Buchungsdatum;Konto;Buchungstext;Soll;Haben"]
    for month in _months():
        sold, rent = german_number(3000 + 10 * month), german_number(900)
        lines += [
            f"02.{month:02d}.2025;Bank;Zahlung {month};{sold};0,00",
            f"02.{month:02d}.2025;Umsatzerl\u00f6se;Rechnung {month};0,00;{sold}",
            f"15.{month:02d}.2025;Miete;Miete {month};{rent};0,00",
            f"15.{month:02d}.2025;Bank;Miete {month};0,00;{rent}",
        ]
    return _write(folder / "journal.csv", lines)


def bank(folder: Path) -> Path:
    """Signed amounts without a type."""
    lines = ["Date,Description,Amount"]
    for month in _months():
        lines += [
            f"2025-{month:02d}-01,Rent,-1200.00",
            f"2025-{month:02d}-05,Client payment,{4200 + 10 * month}.50",
            f"2025-{month:02d}-09,Coffee,-35.50",
        ]
    return _write(folder / "bank.csv", lines)


def currencies(folder: Path) -> Path:
    """Two currencies that must not be added up."""
    lines = ["date,region,revenue,currency"]
    for month in _months():
        lines += [
            f"2025-{month:02d}-10,EU,{100 * month}.00,EUR",
            f"2025-{month:02d}-11,UK,{50 * month}.00,EUR",
            f"2025-{month:02d}-12,US,{900 * month}.00,USD",
        ]
    return _write(folder / "currencies.csv", lines)


def year_and_month(folder: Path) -> Path:
    """Year and month in columns of their own."""
    lines = ["year,month,region,revenue"]
    for year in (2024, 2025):
        for month in _months():
            for n, region in enumerate(("North", "South")):
                lines.append(f"{year},{month},{region},{100 * month + 10 * n + year - 2024}.25")
    return _write(folder / "monthly.csv", lines)


def negative_expenses(folder: Path) -> Path:
    """Expenses booked with a minus, names that need quoting, and gaps."""
    lines = ['"book ""date""",kind,"amo\'unt; x",cost center']
    for month in _months():
        lines += [
            f'2025-{month:02d}-03,income,{2000 + month}.10,"O\'Neil ""A"""',
            f"2025-{month:02d}-04,expense,-{800 + month}.30,Plain",
            f"2025-{month:02d}-05,income,,Plain",
            f"2025-{month:02d}-06,expense,-{90 + month}.70,",
        ]
    return _write(folder / "quoted.csv", lines)


def _write(path: Path, lines: list[str]) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
