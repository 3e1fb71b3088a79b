"""How the contract tests ask a warehouse."""

from resources.warehouses.base import ReadRequest, Relation


def request_of(warehouse, relation, *bounds, **changes):
    """Everything of a relation, under lower-case names."""
    relation = Relation(table=relation) if isinstance(relation, str) else relation
    declared = warehouse.describe("orders", relation)
    return ReadRequest(
        source="orders",
        relation=relation,
        columns={column.name.lower(): column for column in declared},
        bounds=bounds,
        **changes,
    )


def read_rows(warehouse, relation, *bounds, **changes):
    """Rows as tuples, in no order."""
    with warehouse.read(request_of(warehouse, relation, *bounds, **changes)) as stream:
        return [tuple(row.values()) for row in stream.read_all().to_pylist()]
