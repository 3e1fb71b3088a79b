import sys
from pathlib import Path

from dagster_dbt import DbtCliResource

from assets.marts import InstalledDbt
from resources.dbt import PROJECT_FOLDER


def test_the_installed_dbt_has_the_version_that_it_says_itself() -> None:
    executable = str(Path(sys.executable).with_name("dbt"))
    settings = {"project_dir": str(PROJECT_FOLDER), "dbt_executable": executable}
    assert InstalledDbt(**settings)._cli_version == DbtCliResource(**settings)._cli_version
