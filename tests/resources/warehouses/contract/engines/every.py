"""All engines of the contract tests, by kind."""

from tests.resources.warehouses.contract.engines.bigquery import BigQueryEngine
from tests.resources.warehouses.contract.engines.embedded import DuckDBEngine
from tests.resources.warehouses.contract.engines.redshift import RedshiftEngine
from tests.resources.warehouses.contract.engines.snowflake import SnowflakeEngine

ENGINES = {engine.kind: engine for engine in (DuckDBEngine, SnowflakeEngine, BigQueryEngine, RedshiftEngine)}
