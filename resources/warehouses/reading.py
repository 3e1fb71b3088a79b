"""From Arrow batches of a warehouse to a Polars frame, behind a boundary that knows Polars' panics."""

import polars as pl

from resources.warehouses.base import ReadRequest, SourceError, SourceProblem, Warehouse


def read_frame(warehouse: Warehouse, request: ReadRequest) -> pl.DataFrame:
    """The rows of a request; typed also when there are none.

    Polars raises PanicException, which is no Exception, on Arrow types that it
    does not know: it is caught here by its base and becomes a typed error.
    """
    with warehouse.read(request) as stream:
        try:
            frame = pl.from_arrow(stream.read_all())
        except (KeyboardInterrupt, SystemExit):
            raise
        except pl.exceptions.PanicException as panic:
            raise _cannot_decode(request, type(panic).__name__) from None
        except (pl.exceptions.PolarsError, ValueError, TypeError, NotImplementedError) as error:
            raise _cannot_decode(request, type(error).__name__) from None
    return frame if isinstance(frame, pl.DataFrame) else frame.to_frame()


def _cannot_decode(request: ReadRequest, kind: str) -> SourceError:
    return SourceError(
        SourceProblem(
            "cannot_decode",
            request.source,
            request.relation.label,
            None,
            f"rows cannot be decoded ({kind}); columns are {', '.join(request.columns)}.",
            "CAST columns of unusual types in a query.",
        )
    )
