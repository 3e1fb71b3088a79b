"""Loads the definitions the way a code location does, and validates them: the gate of `make definitions`."""

import sys

import dagster as dg

from assets.definitions import definitions


def main() -> int:
    loaded = definitions()
    dg.Definitions.validate_loadable(loaded)
    assets = len(loaded.resolve_all_asset_keys())
    print(f"definitions load: {assets} assets")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
