"""CSV that a spreadsheet can open without running what is in it."""

import io

import polars as pl

#: A cell that starts so is a formula to a spreadsheet, whatever stands before it in white space.
_FORMULA = r"^\s*[=+\-@\t\r]"
#: A phone number in E.164 starts with a plus and is no formula: digits only.
_PHONE = r"^\+[0-9]{4,15}$"
_INSTANT = "%Y-%m-%dT%H:%M:%S%.6fZ"


def is_formula(text: pl.Expr) -> pl.Expr:
    """Whether a spreadsheet would run the cell."""
    return text.str.contains(_FORMULA) & ~text.str.contains(_PHONE)


def defuse(text: pl.Expr) -> pl.Expr:
    """A leading apostrophe makes a formula plain text."""
    return pl.when(is_formula(text)).then(pl.concat_str(pl.lit("'"), text)).otherwise(text).name.keep()


def to_csv(rows: pl.DataFrame) -> bytes:
    """UTF-8, comma, one header line; instants in UTC with a `Z`; formulas defused."""
    text = [name for name, dtype in rows.schema.items() if dtype == pl.String]
    instants = [name for name, dtype in rows.schema.items() if isinstance(dtype, pl.Datetime)]
    content = io.BytesIO()
    rows.with_columns(
        *(defuse(pl.col(name)) for name in text),
        *(pl.col(name).dt.strftime(_INSTANT) for name in instants),
    ).write_csv(content)
    return content.getvalue()
